package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"github.com/bellhop/bellhop/notifier"
)

const (
	// batchRows and batchBytes are what is read at once; a single row may be larger.
	batchRows  = 1000
	batchBytes = notifier.MaxRequestData
	// maxReason is what the column for it holds, in characters.
	maxReason = 1000
	// mostParked is up to how many refused rows are counted.
	mostParked = 10_000

	columns = "id, channels, users, type, data, idempotency_key, collapse_key, expires_at, created_at"
)

// table is the outbox.
type table struct {
	db   *sqlx.DB
	name string
}

// row is an event that waits in the outbox.
type row struct {
	ID          int64      `db:"id"`
	Channels    *string    `db:"channels"`
	Users       *string    `db:"users"`
	Type        string     `db:"type"`
	Data        string     `db:"data"`
	Key         *string    `db:"idempotency_key"`
	CollapseKey *string    `db:"collapse_key"`
	ExpiresAt   *time.Time `db:"expires_at"`
	CreatedAt   time.Time  `db:"created_at"`
}

// event is the row as it is published. Its own key has the life of the table, because
// another table has the same ids, and its time, because a table that was emptied may give
// its ids again.
func (r *row) event(life string) notifier.Outgoing {
	e := notifier.Outgoing{
		Channels: names(r.Channels), Users: names(r.Users), Type: r.Type, Data: json.RawMessage(r.Data),
		Key: fmt.Sprintf("%s-%d-%d", life, r.ID, r.CreatedAt.UnixMilli()),
	}
	if r.Key != nil {
		e.Key = *r.Key
	}
	if r.CollapseKey != nil {
		e.CollapseKey = *r.CollapseKey
	}
	if r.ExpiresAt != nil {
		e.ExpiresAt = *r.ExpiresAt
	}
	return e
}

// names are those of a column that has a JSON array of them, or one as it stands.
func names(column *string) json.RawMessage {
	switch {
	case column == nil || *column == "":
		return nil
	case strings.HasPrefix(strings.TrimLeft(*column, " \t\r\n"), "["):
		return json.RawMessage(*column)
	default:
		one, _ := json.Marshal([]string{*column}) //nolint:errchkjson // a string can be encoded
		return one
	}
}

// waiting is the head of the outbox: the oldest rows.
type waiting struct {
	rows []row
	more bool          // there are others
	age  time.Duration // of the first row
}

// oldest reads the rows with the lowest ids that were not refused, up to a number of them
// and of bytes.
func (t *table) oldest(ctx context.Context) (w waiting, err error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	var heads []struct {
		ID    int64 `db:"id"`
		Bytes int   `db:"bytes"`
		Age   int64 `db:"age"` // microseconds
	}
	if err := t.db.SelectContext(ctx, &heads, `SELECT id, LENGTH(data) + COALESCE(LENGTH(channels), 0) + COALESCE(LENGTH(users), 0) AS bytes,
		TIMESTAMPDIFF(MICROSECOND, created_at, NOW(3)) AS age FROM `+t.name+` WHERE refused_at IS NULL ORDER BY id LIMIT ?`, batchRows); err != nil || len(heads) == 0 {
		return w, err
	}
	ids, bytes := make([]int64, 0, len(heads)), 0
	for _, h := range heads {
		if bytes += h.Bytes; bytes > batchBytes && len(ids) > 0 {
			break
		}
		ids = append(ids, h.ID)
	}
	w.more = len(ids) < len(heads) || len(heads) == batchRows
	w.age = max(0, time.Duration(heads[0].Age)*time.Microsecond)
	err = t.db.SelectContext(ctx, &w.rows, "SELECT "+columns+" FROM "+t.name+" WHERE id IN ("+list(ids)+") AND refused_at IS NULL ORDER BY id")
	return w, err
}

// list writes ids as SQL has them.
func list(ids []int64) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(texts, ",")
}

// remove takes rows out that are written.
func (t *table) remove(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	_, err := t.db.ExecContext(ctx, "DELETE FROM "+t.name+" WHERE id IN ("+list(ids)+")")
	return err
}

// park keeps a row that was refused, with the reason, out of the way.
func (t *table) park(ctx context.Context, id int64, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	if utf8.RuneCountInString(reason) > maxReason {
		reason = string([]rune(reason)[:maxReason-1]) + "…"
	}
	_, err := t.db.ExecContext(ctx, "UPDATE "+t.name+" SET refused_at = NOW(3), refused = ? WHERE id = ?", reason, id)
	return err
}

// parked counts the rows that were refused, up to mostParked.
func (t *table) parked(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	err = t.db.GetContext(ctx, &n, "SELECT COUNT(*) FROM (SELECT 1 FROM "+t.name+" WHERE refused_at IS NOT NULL LIMIT ?) AS some", mostParked)
	return n, err
}
