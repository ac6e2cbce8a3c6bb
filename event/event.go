package event

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxType is the longest event type, in bytes.
const MaxType = 64

// ReservedPrefix begins the types that Bellhop itself sends.
const ReservedPrefix = "bellhop."

// Errors of ParseType and ParseData.
var (
	ErrType = errors.New("invalid type")
	ErrData = errors.New("invalid data")
)

// Event is one message of a channel.
type Event struct {
	Channel Channel
	Seq     uint64
	Type    string
	// Time is when the log took the event, by the log's clock, in milliseconds.
	Time time.Time
	// Data is one JSON value in valid UTF-8, without white space between its
	// tokens (see ParseData): it never holds a CR, an LF or a NUL.
	Data []byte
}

// ParseType checks the type of an event that a publisher sends.
func ParseType(s string) error {
	if s == "" || len(s) > MaxType || !isLetter(s[0]) {
		return fmt.Errorf("%w: want a letter, then at most %d letters, digits, '.', '_' or '-'", ErrType, MaxType-1)
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			char, _ := utf8.DecodeRuneInString(s[i:])
			return fmt.Errorf("%w: character %q is not allowed", ErrType, char)
		}
	}
	if strings.HasPrefix(s, ReservedPrefix) {
		return fmt.Errorf("%w: types that begin with %q are reserved", ErrType, ReservedPrefix)
	}
	return nil
}

// The constant pieces of an event's JSON, in their order. Channel, type and time
// hold nothing that JSON would escape.
const (
	jsonChannel = `{"channel":"`
	jsonSeq     = `","seq":`
	jsonType    = `,"type":"`
	jsonTime    = `","time":"`
	jsonData    = `","data":`
	jsonEnd     = `}`

	timeLayout = "2006-01-02T15:04:05.000Z"
)

// AppendJSON writes the event as clients see it, in the data of a block and in
// lists: {"channel":…,"seq":…,"type":…,"time":…,"data":…}.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, jsonChannel...)
	dst = append(dst, e.Channel...)
	dst = append(dst, jsonSeq...)
	dst = strconv.AppendUint(dst, e.Seq, 10)
	dst = append(dst, jsonType...)
	dst = append(dst, e.Type...)
	dst = append(dst, jsonTime...)
	dst = e.Time.UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, jsonData...)
	dst = append(dst, e.Data...)
	return append(dst, jsonEnd...)
}

// MarshalJSON is AppendJSON.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
