package domain

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Text is what somebody wrote. What comes with the demo has a Korean translation
// too; what people write has not.
type Text struct {
	Text   string `json:"text"`
	Korean string `json:"ko,omitempty"`
}

// Said makes the text of a person: trimmed, of 1 to longest characters, on any
// number of lines. What is wrong is said of what.
func Said(what, s string, longest int) (Text, error) {
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n == 0 || n > longest || !utf8.ValidString(s) {
		return Text{}, Refuse(ErrInvalid, "%s has 1 to %d characters", what, longest)
	}
	return Text{Text: s}, nil
}

// Excerpt is the beginning, of at most n characters.
func (t Text) Excerpt(n int) Text {
	return Text{cut(t.Text, n), cut(t.Korean, n)}
}

func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:n-1])) + "…"
}

// Value keeps a text as JSON.
func (t Text) Value() (driver.Value, error) {
	b, err := json.Marshal(t)
	return string(b), err
}

// Scan reads what Value wrote.
func (t *Text) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("a text is kept as %T", v)
	}
	return json.Unmarshal([]byte(s), t)
}

// Millis is a moment as the database and the page have it.
func Millis(t time.Time) int64 { return t.UnixMilli() }
