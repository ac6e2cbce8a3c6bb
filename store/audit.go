package store

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
)

// MaxAudit is how many audit lines are kept, however young they are: about 250 MB. They
// are counted by their ids, so that a server that draws only some of the numbers, as one
// of a Galera cluster does, keeps fewer.
const MaxAudit = 1_000_000

// AuditLine is one call of an administrator.
type AuditLine struct {
	At        time.Time
	Operation string // as the API names it
	About     string // on what or whom
	Service   string // whose key it was
	Remote    string
	Status    int
	RequestID string

	token [8]byte
}

// Audit makes an AuditLine that may be written more than once: it stands once in the
// table. What is longer than a column is cut off, and what is no text is replaced: a client
// can't have a line refused by what it sends.
func Audit(l AuditLine) AuditLine {
	rand.Read(l.token[:])
	l.Operation, l.Service = shorten(l.Operation, 64), shorten(l.Service, 64)
	l.About, l.Remote, l.RequestID = shorten(l.About, 255), shorten(l.Remote, 64), shorten(l.RequestID, 128)
	return l
}

func shorten(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n > most {
			s = s[:i]
			break
		}
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// WriteAudit writes lines that Audit made, a hundred at most. After an error it may be
// called with the same again.
func (d *DB) WriteAudit(ctx context.Context, lines []AuditLine) error {
	values := make([]any, 0, 8*len(lines))
	for i := range lines {
		l := &lines[i]
		values = append(values, l.At.UnixMilli(), l.token[:], l.Operation, l.About, l.Service, l.Remote, l.Status, l.RequestID)
	}
	return d.write(ctx, func(t *tx) error {
		return t.insert("REPLACE INTO audit (at, token, operation, about, service, remote, status, request_id)",
			"(?, ?, ?, ?, ?, ?, ?, ?)", values)
	})
}

// AgeAudit forgets some of the audit lines that are older than keep, or more than MaxAudit;
// more tells that there are others.
func (d *DB) AgeAudit(ctx context.Context, keep time.Duration) (more bool, err error) {
	return d.ageAudit(ctx, keep, MaxAudit)
}

func (d *DB) ageAudit(ctx context.Context, keep time.Duration, most int64) (more bool, err error) {
	err = d.write(ctx, func(t *tx) error {
		aged, err := forget[int64](t, "audit", "id", "at < ? ORDER BY at", t.meta.Now-keep.Milliseconds())
		if err != nil {
			return err
		}
		surplus, err := forget[int64](t, "audit", "id", "id <= (SELECT MAX(id) FROM audit) - ? ORDER BY id", most)
		more = aged || surplus
		return err
	})
	return more, err
}
