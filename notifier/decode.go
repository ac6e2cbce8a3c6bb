package notifier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Errors of decodeObject and decodeArray.
var (
	// errMalformed: this is not JSON, or not what I-JSON (RFC 7493) would call
	// unambiguous.
	errMalformed = errors.New("malformed JSON")
	// errKind: it is JSON, but another kind of value than wanted.
	errKind = errors.New("wrong kind of value")
)

// checkJSON tells whether a body is exactly one JSON value in UTF-8. Nesting
// beyond 10,000 levels is refused by the standard library's scanner.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return fmt.Errorf("%w: not in UTF-8", errMalformed)
	}
	var v skip
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	return nil
}

// skip takes any value without looking at it.
type skip struct{}

func (*skip) UnmarshalJSON([]byte) error { return nil }

// decodeObject splits a valid JSON object into its members. The values stay as
// they are: what a publisher sends as data must not pass through Go's numbers.
// A name that occurs twice is refused: parsers disagree about which one counts,
// and a gateway or a proxy may have checked the other.
func decodeObject(value []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(value))
	if err := open(dec, '{', "an object"); err != nil {
		return nil, err
	}
	members := make(map[string]json.RawMessage)
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errMalformed, err)
		}
		var member json.RawMessage
		if err := dec.Decode(&member); err != nil {
			return nil, fmt.Errorf("%w: %w", errMalformed, err)
		}
		key, _ := name.(string) // nothing else stands before a member
		if _, twice := members[key]; twice {
			return nil, fmt.Errorf("%w: the name %q occurs twice", errMalformed, key)
		}
		members[key] = member
	}
	return members, nil
}

// decodeArray splits a valid JSON array into its elements, at most limit+1 of
// them: enough to see that there are too many.
func decodeArray(value []byte, limit int) ([]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(value))
	if err := open(dec, '[', "an array"); err != nil {
		return nil, err
	}
	var elements []json.RawMessage
	for dec.More() && len(elements) <= limit {
		var e json.RawMessage
		if err := dec.Decode(&e); err != nil {
			return nil, fmt.Errorf("%w: %w", errMalformed, err)
		}
		elements = append(elements, e)
	}
	return elements, nil
}

func open(dec *json.Decoder, want json.Delim, kind string) error {
	t, err := dec.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	if t != want {
		return fmt.Errorf("%w: want %s", errKind, kind)
	}
	return nil
}

// decodeString reads a JSON string; ok is false for any other value.
func decodeString(value []byte) (s string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(value, &s) == nil
}

// isNull tells whether a member is there with the value null.
func isNull(value []byte) bool { return string(value) == "null" }
