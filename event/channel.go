// Package event holds what every part of Bellhop speaks of: channels, events,
// positions and cursors, and the one function that turns an event into the
// bytes of a Server-Sent-Events block. It does no I/O and keeps no state.
package event

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a channel's name, in bytes.
const (
	MaxNamespace = 32
	MaxKey       = 96
	MaxChannel   = MaxNamespace + 1 + MaxKey
)

// InboxNamespace is the namespace of the channels that belong to one person each.
const InboxNamespace = "user"

// ErrChannel is what every refusal of a channel's name wraps.
var ErrChannel = errors.New("invalid channel")

// Channel is the name of an ordered stream of events, "namespace:key". A value
// made by ParseChannel or Inbox is valid; the zero value names no channel.
//
// The alphabet leaves out the comma, white space and control characters, and
// every character that JSON would escape, so that a name can stand in a cursor,
// in an SSE line and inside a JSON string as it is.
type Channel string

// ParseChannel checks a name. Its error wraps ErrChannel and says what is wrong.
func ParseChannel(s string) (Channel, error) {
	ns, key, ok := strings.Cut(s, ":")
	switch {
	case !ok:
		return "", fmt.Errorf("%w: want namespace:key", ErrChannel)
	case !ValidNamespace(ns):
		return "", fmt.Errorf("%w: a namespace is a lower-case letter, then at most %d of a-z, 0-9 and '-'", ErrChannel, MaxNamespace-1)
	}
	if err := validKey(key); err != nil {
		return "", err
	}
	return Channel(s), nil
}

// validKey checks what stands behind the colon.
func validKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: the key is empty", ErrChannel)
	case len(key) > MaxKey:
		return fmt.Errorf("%w: the key is longer than %d characters", ErrChannel, MaxKey)
	}
	for i := range len(key) {
		if !isKeyByte(key[i]) {
			char, _ := utf8.DecodeRuneInString(key[i:])
			return fmt.Errorf("%w: character %q is not allowed in a key", ErrChannel, char)
		}
	}
	return nil
}

// Namespace is the part before the first colon.
func (c Channel) Namespace() string {
	ns, _, _ := strings.Cut(string(c), ":")
	return ns
}

// Key is the part after the first colon.
func (c Channel) Key() string {
	_, key, _ := strings.Cut(string(c), ":")
	return key
}

// ValidNamespace tells whether s can be a namespace.
func ValidNamespace(s string) bool {
	if s == "" || len(s) > MaxNamespace || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func isKeyByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("_.:@/+=~-|", c) >= 0
}
