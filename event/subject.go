package event

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxSubject is the longest subject, in bytes.
const MaxSubject = 1024

// encodedSubject begins each key that stands for a subject which is none itself.
// No subject is its own key with it, so no two subjects share an inbox.
const encodedSubject = "~"

// longestSubject is the longest subject, in bytes, whose encoding fits a key.
const longestSubject = (MaxKey - len(encodedSubject)) * 3 / 4

// ErrSubject is what every refusal of a subject wraps.
var ErrSubject = errors.New("invalid subject")

// Inbox is the channel of one person, given as tokens name them. A subject that
// fits a channel's key, and does not begin with "~", is the key. Of every other
// the key is, by its exact bytes (nothing is folded or normalised),
//
//	"~" and its base64url without padding, up to 71 bytes
//	"~~" and the base64url of its SHA-256, above that
//
// It fails for a subject that is empty, longer than MaxSubject, or not wholly
// UTF-8: readers of JSON put U+FFFD in the place of whatever else there was, and so
// can't tell two such people apart.
func Inbox(subject string) (Channel, error) {
	switch {
	case subject == "":
		return "", fmt.Errorf("%w: it is empty", ErrSubject)
	case len(subject) > MaxSubject:
		return "", fmt.Errorf("%w: it is longer than %d bytes", ErrSubject, MaxSubject)
	case !utf8.ValidString(subject) || strings.ContainsRune(subject, utf8.RuneError):
		return "", fmt.Errorf("%w: it is not all UTF-8", ErrSubject)
	}
	return Channel(InboxNamespace + ":" + subjectKey(subject)), nil
}

// subjectKey is the key of a subject's inbox.
func subjectKey(subject string) string {
	encode := base64.RawURLEncoding.EncodeToString
	switch {
	case !strings.HasPrefix(subject, encodedSubject) && validKey(subject) == nil:
		return subject
	case len(subject) <= longestSubject:
		return encodedSubject + encode([]byte(subject))
	default:
		sum := sha256.Sum256([]byte(subject))
		return encodedSubject + encodedSubject + encode(sum[:])
	}
}
