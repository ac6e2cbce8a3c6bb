package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of what one person mutes.
const (
	MaxMuted = 50 // types
	// maxMutedText is how long the types may be together, with a comma around each: so
	// many bytes a Note has room for.
	maxMutedText = MaxNoteSeqs
)

// Muted is which types of events somebody does not want in their inbox: nothing, or the
// types with a comma around each, such as ",like,follow,". It is what NewMuted returned.
type Muted string

// ErrMuted is what every refusal of NewMuted wraps.
var ErrMuted = errors.New("not to be muted")

// NewMuted checks types, each of which may be named once.
func NewMuted(types []string) (Muted, error) {
	if len(types) == 0 {
		return "", nil
	}
	if len(types) > MaxMuted {
		return "", fmt.Errorf("%w: %d types are more than %d", ErrMuted, len(types), MaxMuted)
	}
	for i, t := range types {
		if err := ParseType(t); err != nil {
			return "", fmt.Errorf("%w: type %d: %w", ErrMuted, i+1, err)
		}
		if slices.Contains(types[:i], t) {
			return "", fmt.Errorf("%w: %q is named twice", ErrMuted, t)
		}
	}
	m := Muted("," + strings.Join(types, ",") + ",")
	if len(m) > maxMutedText {
		return "", fmt.Errorf("%w: the types and the commas around them are longer than %d characters", ErrMuted, maxMutedText)
	}
	return m, nil
}

// Has tells whether a type is muted.
func (m Muted) Has(kind string) bool {
	return m != "" && strings.Contains(string(m), ","+kind+",")
}

// Types are those that are muted, in the order in which they were named; never nil.
func (m Muted) Types() []string {
	if m == "" {
		return []string{}
	}
	return strings.Split(strings.Trim(string(m), ","), ",")
}
