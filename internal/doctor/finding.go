// Package doctor looks at what Bellhop stands on and behind, and says what is wrong
// with it and what to do.
package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Finding is what was found about one thing.
type Finding struct {
	What string // "HTTP version"
	Says string // what is so
	Do   string // what to do about it; empty: all is well
}

// Good tells whether nothing is to be done.
func (f Finding) Good() bool { return f.Do == "" }

// Good is a finding that all is well.
func Good(what, format string, args ...any) Finding {
	return Finding{What: what, Says: fmt.Sprintf(format, args...)}
}

// Bad is a finding that something is to be done.
func Bad(what, do, format string, args ...any) Finding {
	return Finding{What: what, Says: fmt.Sprintf(format, args...), Do: do}
}

// Report writes a line for each finding, and returns how many are bad. Line breaks in
// what servers said don't make lines of their own.
func Report(w io.Writer, findings []Finding) (bad int, err error) {
	for _, f := range findings {
		verdict, text := "good", f.Says
		if !f.Good() {
			bad++
			verdict, text = "BAD", f.Says+". Do: "+f.Do
		}
		if _, err := fmt.Fprintf(w, "%-4s  %s: %s\n", verdict, f.What, strings.Join(strings.Fields(text), " ")); err != nil {
			return bad, err
		}
	}
	return bad, nil
}
