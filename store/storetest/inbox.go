package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// list is what listed renders of an inbox, or of what is unread in it.
func (h Harness) list(t *testing.T, c event.Channel, before uint64, limit int, unreadOnly bool) string {
	t.Helper()
	return h.listed(t, store.InboxQuery{Channel: c, Before: before, Limit: limit, Unread: unreadOnly})
}

// listed renders a page of what is asked for: the seqs, newest first, read ones in
// parentheses, and then the Before of the next page, if there is one.
func (h Harness) listed(t *testing.T, q store.InboxQuery) string {
	t.Helper()
	p, err := h.DB.ListInbox(t.Context(), q)
	require.NoError(t, err)
	require.False(t, p.Stale)
	require.Equal(t, h.epoch(t), p.Epoch)
	require.Equal(t, h.head(t, q.Channel), p.Head)
	var out []string
	for _, item := range p.Items {
		require.Equal(t, q.Channel, item.Channel)
		require.True(t, q.Types == nil || slices.Contains(q.Types, item.Type))
		out = append(out, shown(item.Seq, item.Read))
	}
	if p.Next != 0 {
		out = append(out, fmt.Sprint("-> ", p.Next))
	}
	return strings.Join(out, " ")
}

// shown is how a list renders an event.
func shown(seq uint64, read bool) string {
	if read {
		return fmt.Sprintf("(%d)", seq)
	}
	return strconv.FormatUint(seq, 10)
}

// must is for the calls that change an inbox. It checks the count that they
// return against a recount.
func (h Harness) must(t *testing.T, c event.Channel) func(store.InboxState, error) store.InboxState {
	t.Helper()
	return func(s store.InboxState, err error) store.InboxState {
		t.Helper()
		require.NoError(t, err)
		require.EqualValues(t, h.recount(t, c), s.Unread)
		head := h.head(t, c)
		require.Equal(t, head.Unread, s.Unread)
		require.Equal(t, head.Seq, s.Head)
		if s.Note != nil {
			require.Equal(t, head.Version, s.Note.Version)
			require.Equal(t, head.Seq, s.Note.Head)
			require.Equal(t, head.Unread, s.Note.Unread)
		}
		return s
	}
}

// recount counts the unread events of a channel by their list, page by page.
func (h Harness) recount(t *testing.T, c event.Channel) (n int) {
	t.Helper()
	var before uint64
	for {
		p, err := h.DB.Inbox(t.Context(), c, before, store.MaxInboxPage, true)
		require.NoError(t, err)
		n += len(p.Items)
		for _, item := range p.Items {
			require.False(t, item.Read)
		}
		if p.Next == 0 {
			return n
		}
		require.True(t, before == 0 || p.Next < before, "pages go on")
		before = p.Next
	}
}

// replaced writes events behind the log's back that follow the head of a channel,
// and for which others stand.
func (h Harness) replaced(t *testing.T, c event.Channel, from, to int) {
	t.Helper()
	var hash []byte
	require.NoError(t, h.SQL.QueryRowContext(t.Context(), "SELECT hash FROM channels WHERE name = '"+string(c)+"'").Scan(&hash))
	for chunk := range slices.Chunk(series(uint64(from), uint64(to)), 1000) {
		events, exceptions := make([]string, len(chunk)), make([]string, len(chunk))
		for i, seq := range chunk {
			events[i] = fmt.Sprintf("(X'%x', %d, 'comment', 4, 1, 0, 'k', '1')", hash, seq)
			exceptions[i] = fmt.Sprintf("(X'%x', %d)", hash, seq)
		}
		h.exec(t, "INSERT INTO events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES "+strings.Join(events, ","))
		h.exec(t, "INSERT INTO read_exceptions (channel, seq) VALUES "+strings.Join(exceptions, ","))
	}
	h.exec(t, fmt.Sprintf("UPDATE channels SET head = %d, version = version + 1 WHERE name = '%s'", to, c))
}

func collapsing(data, key string, cs ...event.Channel) store.Entry {
	e := entry(data, cs...)
	e.CollapseKey = key
	return e
}

var inboxTests = map[string]func(*testing.T, Harness){
	"an inbox is listed newest first, page by page": func(t *testing.T, h Harness) {
		require.Empty(t, h.list(t, inbox, 0, 10, false), "nobody wrote to it yet")
		h.fill(t, inbox, 7)
		require.Equal(t, "7 6 5 -> 5", h.list(t, inbox, 0, 3, false))
		require.Equal(t, "4 3 2 -> 2", h.list(t, inbox, 5, 3, false))
		require.Equal(t, "1", h.list(t, inbox, 2, 3, false))
		require.Equal(t, "7 6 5 4 3 2 1", h.list(t, inbox, 0, 7, false), "the last page says so")
		require.Equal(t, "7 -> 7", h.list(t, inbox, event.MaxSeq, 0, false), "a page has one item at least")
		require.Empty(t, h.list(t, inbox, 1, 7, false))
		h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{6, 2}))
		h.must(t, inbox)(h.DB.Delete(t.Context(), inbox, 4))
		require.Equal(t, "7 (6) 5 -> 5", h.list(t, inbox, 0, 3, false))
		require.Equal(t, "3 (2) 1", h.list(t, inbox, 5, 3, false))
		require.Equal(t, "7 5 -> 5", h.list(t, inbox, 0, 2, true))
		require.Equal(t, "3 1", h.list(t, inbox, 5, 2, true))
		p, err := h.DB.Inbox(t.Context(), inbox, 0, 1, false)
		require.NoError(t, err)
		require.Equal(t, "comment", p.Items[0].Type)
		require.Equal(t, "7", string(p.Items[0].Data))
		require.WithinDuration(t, time.Now(), p.Items[0].Time, time.Minute)
	},
	"reading up to a seq moves the watermark, never beyond the head": func(t *testing.T, h Harness) {
		epoch := h.fill(t, inbox, 5)
		s := h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 3))
		require.Equal(t, store.InboxState{
			Epoch: epoch, Head: 5, Unread: 2,
			Note: &event.Note{Version: s.Note.Version, Head: 5, Unread: 2, Kind: event.NoteRead, UpTo: 3},
		}, s)
		require.Equal(t, "5 4 (3) (2) (1)", h.list(t, inbox, 0, 10, false))
		require.Nil(t, h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 3)).Note, "once more changes nothing")
		require.Nil(t, h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 0)).Note)
		require.Nil(t, h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 1)).Note, "the watermark does not go back")
		s = h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, event.MaxSeq))
		require.EqualValues(t, 5, s.Note.UpTo)
		require.Zero(t, s.Unread)
		h.fill(t, inbox, 2)
		require.EqualValues(t, 2, h.head(t, inbox).Unread, "what comes later is unread")
		require.Equal(t, "7 6", h.list(t, inbox, 0, 10, true))
		none, err := h.DB.MarkRead(t.Context(), "user:nobody", 9)
		require.NoError(t, err)
		require.Equal(t, store.InboxState{Epoch: epoch}, none)
	},
	"of more events than a note can name none is named": func(t *testing.T, h Harness) {
		n := event.MaxNoteSeqs + 1
		h.fill(t, inbox, n)
		s, err := h.DB.MarkReadSeqs(t.Context(), inbox, series(1, uint64(n)))
		require.NoError(t, err)
		want := &event.Note{Version: s.Note.Version, Head: uint64(n), Kind: event.NoteRead}
		require.Equal(t, want, s.Note)
		commits := h.tail(t, store.Mark{}, nothingSeen).Commits
		require.Equal(t, want, commits[len(commits)-1].Changes[0].Note)
		s, err = h.DB.MarkUnreadSeqs(t.Context(), inbox, series(1, event.MaxNoteSeqs))
		require.NoError(t, err)
		require.Len(t, s.Note.Seqs, event.MaxNoteSeqs)
		require.NotEmpty(t, h.tail(t, store.Mark{}, nothingSeen).Commits, "it can be read")
	},
	"single events are marked read, and unread again": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 6)
		s := h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{5, 2, 5, 0, 99}))
		require.Equal(t, []uint64{2, 5}, s.Note.Seqs)
		require.Equal(t, event.NoteRead, s.Note.Kind)
		require.Nil(t, h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{2})).Note)
		s = h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{2, 3}))
		require.Equal(t, []uint64{2}, s.Note.Seqs)
		require.Equal(t, event.NoteUnread, s.Note.Kind)
		require.Equal(t, "6 (5) 4 3 2 1", h.list(t, inbox, 0, 10, false))

		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 4))
		require.Equal(t, "6 (5) (4) (3) (2) (1)", h.list(t, inbox, 0, 10, false))
		h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{1, 3, 5}))
		require.Equal(t, "6 5 (4) 3 (2) 1", h.list(t, inbox, 0, 10, false))
		require.Equal(t, "6 5 3 -> 3", h.list(t, inbox, 0, 3, true))
		require.Equal(t, "1", h.list(t, inbox, 3, 3, true))
		require.Nil(t, h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{1, 3, 5})).Note)
		h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{3}))
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 2))
		require.Equal(t, "6 5 (4) (3) (2) (1)", h.list(t, inbox, 0, 10, false))
		require.Zero(t, h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 6)).Unread)
		require.Zero(t, h.count(t, "read_exceptions"))
		require.Empty(t, h.list(t, inbox, 0, 10, true))
	},
	"a thousand events are marked at once": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 1001)
		s := h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, series(1, 1000)))
		require.EqualValues(t, 1, s.Unread)
		require.Len(t, s.Note.Seqs, 1000)
		require.Equal(t, "1001", h.list(t, inbox, 0, 10, true))
		s = h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, series(2, 1001)))
		require.EqualValues(t, 1000, s.Unread)
		require.Equal(t, series(2, 1000), s.Note.Seqs)
	},
	"what is gone can't be marked unread": func(t *testing.T, h Harness) {
		short := entry(`"short"`, inbox)
		short.ExpiresAt = time.Now().Add(-time.Second)
		h.write(t, entry(`1`, inbox), entry(`2`, inbox), collapsing(`3`, "k", inbox), collapsing(`4`, "k", inbox), short, entry(`6`, inbox))
		require.NoError(t, walk(t, h, keepNewest(5)))
		h.delete(t, inbox, 2)
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 6))
		s := h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, series(1, 6)))
		require.Equal(t, []uint64{4, 6}, s.Note.Seqs)
		require.Equal(t, "6 4", h.list(t, inbox, 0, 10, true))
	},
	"trimmed events are unread no more": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 8)
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 3))
		h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{1, 3}))
		h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{5, 7}))
		require.NoError(t, walk(t, h, keepNewest(6))) // 1 and 2 go
		require.EqualValues(t, 4, h.head(t, inbox).Unread)
		require.NoError(t, walk(t, h, keepNewest(3))) // 3, 4 and 5 go
		require.Equal(t, "8 (7) 6", h.list(t, inbox, 0, 10, false))
		require.EqualValues(t, 2, h.head(t, inbox).Unread)
		require.Equal(t, 1, h.count(t, "read_exceptions"))
		require.NoError(t, h.DB.Purge(t.Context(), inbox))
		require.Zero(t, h.head(t, inbox).Unread)
		require.Zero(t, h.count(t, "read_exceptions"))
	},
	"the migration takes over what was there": func(t *testing.T, h Harness) {
		h.write(t, entry(`1`, inbox), collapsing(`2`, "k", inbox), entry(`3`, inbox), entry(`4`, inbox))
		h.delete(t, inbox, 3)
		h.exec(t, "DROP TABLE read_exceptions")
		h.exec(t, "DROP TABLE collapses")
		h.exec(t, "ALTER TABLE channels DROP COLUMN muted")
		h.exec(t, "DELETE FROM bellhop_schema WHERE version_id >= 3")
		require.ErrorIs(t, h.DB.CheckSchema(t.Context()), store.ErrSchema)
		require.NoError(t, h.DB.Migrate(t.Context()))
		require.Equal(t, 1, h.count(t, "read_exceptions"))
		require.EqualValues(t, 2, h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 1)).Unread)
		h.write(t, collapsing(`5`, "k", inbox))
		require.Equal(t, "5 4 (1)", h.list(t, inbox, 0, 10, false))
		require.EqualValues(t, 1, h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 4)).Unread)
	},
	"a list that is behind many events that it does not show goes on": func(t *testing.T, h Harness) {
		h.write(t, entry(`1`, inbox))
		h.replaced(t, inbox, 2, 4499)
		h.write(t, entry(`4500`, inbox))
		require.EqualValues(t, 2, h.head(t, inbox).Unread)
		require.Equal(t, "4500 -> 2501", h.list(t, inbox, 0, 10, false))
		require.Equal(t, "1", h.list(t, inbox, 2501, 10, false), "windows without an item are passed")
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 4499))
		h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{1}))
		require.Equal(t, "4500 1", h.list(t, inbox, 0, 10, true), "the exceptions below the watermark need no looking for")
	},
}
