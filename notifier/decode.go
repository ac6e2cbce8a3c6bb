package notifier

import (
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

	errNoObject = fmt.Errorf("%w: want an object", errKind)
	errNoArray  = fmt.Errorf("%w: want an array", errKind)
)

// checkJSON tells whether a body is exactly one JSON value in UTF-8. Nesting
// beyond 10,000 levels is refused by the standard library's scanner.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return fmt.Errorf("%w: not in UTF-8", errMalformed)
	}
	if json.Valid(body) {
		return nil
	}
	var v skip
	return fmt.Errorf("%w: %w", errMalformed, json.Unmarshal(body, &v)) // says where
}

// skip takes any value without looking at it.
type skip struct{}

func (*skip) UnmarshalJSON([]byte) error { return nil }

// members are those of a JSON object, in their order. The values stay as they
// are: what a publisher sends as data must not pass through Go's numbers.
type members []member

type member struct {
	name  string
	value json.RawMessage
}

// get returns a member's value, nil if there is none.
func (m members) get(name string) json.RawMessage {
	for i := range m {
		if m[i].name == name {
			return m[i].value
		}
	}
	return nil
}

// fewMembers is up to how many are compared one by one. An event has fewer; an
// object of many would take the square of their number.
const fewMembers = 16

// decodeObject splits a JSON object that checkJSON has passed. A name that occurs
// twice is refused: parsers disagree about which one counts, and a gateway or a
// proxy may have checked the other.
func decodeObject(value []byte) (members, error) {
	s := splitter{rest: value}
	if !s.skip('{') {
		return nil, errNoObject
	}
	found := make(members, 0, 4)
	var known map[string]struct{}
	for s.more('}') {
		name := memberName(s.value())
		s.skip(':')
		m := member{name, s.value()}
		var twice bool
		if len(found) < fewMembers {
			twice = found.get(name) != nil
		} else {
			if known == nil {
				known = make(map[string]struct{}, 2*len(found))
				for _, f := range found {
					known[f.name] = struct{}{}
				}
			}
			_, twice = known[name]
			known[name] = struct{}{}
		}
		if twice {
			return nil, fmt.Errorf("%w: the name %q occurs twice", errMalformed, name)
		}
		found = append(found, m)
	}
	return found, nil
}

// decodeArray splits a JSON array that checkJSON has passed into its elements, at
// most limit+1 of them: enough to see that there are too many.
func decodeArray(value []byte, limit int) ([]json.RawMessage, error) {
	s := splitter{rest: value}
	if !s.skip('[') {
		return nil, errNoArray
	}
	var elements []json.RawMessage
	for len(elements) <= limit && s.more(']') {
		elements = append(elements, s.value())
	}
	return elements, nil
}

// splitter walks over JSON that is known to be valid.
type splitter struct{ rest []byte }

func (s *splitter) space() {
	for len(s.rest) > 0 {
		switch s.rest[0] {
		case ' ', '\t', '\n', '\r':
			s.rest = s.rest[1:]
		default:
			return
		}
	}
}

// skip takes a character, and the space around it, if it comes next.
func (s *splitter) skip(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	s.space()
	return true
}

// more tells whether there is another element before the end.
func (s *splitter) more(end byte) bool {
	s.skip(',')
	return !s.skip(end) && len(s.rest) > 0
}

// value takes the next value as it stands.
func (s *splitter) value() json.RawMessage {
	depth, i := 0, 0
scan:
	for ; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '"':
			for i++; i < len(s.rest) && s.rest[i] != '"'; i++ {
				if s.rest[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				break scan // that of what it stands in
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				break scan
			}
		}
	}
	i = min(i, len(s.rest))
	v := s.rest[:i:i]
	s.rest = s.rest[i:]
	return json.RawMessage(v)
}

// memberName reads the name of a member. Those of events need no memory.
func memberName(value []byte) string {
	switch string(value) {
	case `"channels"`:
		return "channels"
	case `"users"`:
		return "users"
	case `"type"`:
		return "type"
	case `"data"`:
		return "data"
	}
	s, _ := decodeString(value) // nothing else stands before a member
	return s
}

// decodeString reads a JSON string; ok is false for any other value.
func decodeString(value []byte) (s string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	plain := value[1 : len(value)-1]
	for _, c := range plain {
		if c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			return s, json.Unmarshal(value, &s) == nil
		}
	}
	return string(plain), true
}

// isNull tells whether a member is there with the value null.
func isNull(value []byte) bool { return string(value) == "null" }
