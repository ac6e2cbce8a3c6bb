package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// list renders a page of an inbox: the seqs, newest first, read ones in
// parentheses, and then the Before of the next page, if there is one.
func (h Harness) list(t *testing.T, c event.Channel, before uint64, limit int, unreadOnly bool) string {
	t.Helper()
	p, err := h.DB.Inbox(t.Context(), c, before, limit, unreadOnly)
	require.NoError(t, err)
	require.False(t, p.Stale)
	require.Equal(t, h.epoch(t), p.Epoch)
	require.Equal(t, h.head(t, c), p.Head)
	out := make([]string, len(p.Items))
	for i, item := range p.Items {
		require.Equal(t, c, item.Channel)
		out[i] = fmt.Sprint(item.Seq)
		if item.Read {
			out[i] = "(" + out[i] + ")"
		}
	}
	if p.Next != 0 {
		out = append(out, fmt.Sprint("-> ", p.Next))
	}
	return strings.Join(out, " ")
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
		p, err := h.DB.Inbox(t.Context(), c, before, 7, true)
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

func collapsing(data, key string, cs ...event.Channel) store.Entry {
	e := entry(data, cs...)
	e.CollapseKey = key
	return e
}

var inboxTests = map[string]func(*testing.T, Harness){
	"an inbox is listed newest first, page by page": func(t *testing.T, h Harness) {
		c := channels("list", 1)[0]
		require.Empty(t, h.list(t, c, 0, 10, false), "nobody wrote to it yet")
		h.fill(t, c, 7)
		require.Equal(t, "7 6 5 -> 5", h.list(t, c, 0, 3, false))
		require.Equal(t, "4 3 2 -> 2", h.list(t, c, 5, 3, false))
		require.Equal(t, "1", h.list(t, c, 2, 3, false))
		require.Equal(t, "7 6 5 4 3 2 1", h.list(t, c, 0, 7, false), "the last page says so")
		require.Equal(t, "7 -> 7", h.list(t, c, event.MaxSeq, 0, false), "a page has one item at least")
		require.Empty(t, h.list(t, c, 1, 7, false))
		h.must(t, c)(h.DB.MarkReadSeqs(t.Context(), c, []uint64{6, 2}))
		h.must(t, c)(h.DB.Delete(t.Context(), c, 4))
		require.Equal(t, "7 (6) 5 -> 5", h.list(t, c, 0, 3, false))
		require.Equal(t, "3 (2) 1", h.list(t, c, 5, 3, false))
		require.Equal(t, "7 5 -> 5", h.list(t, c, 0, 2, true))
		require.Equal(t, "3 1", h.list(t, c, 5, 2, true))
		p, err := h.DB.Inbox(t.Context(), c, 0, 1, false)
		require.NoError(t, err)
		require.Equal(t, "comment", p.Items[0].Type)
		require.Equal(t, "7", string(p.Items[0].Data))
		require.WithinDuration(t, time.Now(), p.Items[0].Time, time.Minute)
	},
	"reading up to a seq moves the watermark, never beyond the head": func(t *testing.T, h Harness) {
		c := channels("upto", 1)[0]
		epoch := h.fill(t, c, 5)
		s := h.must(t, c)(h.DB.MarkRead(t.Context(), c, 3))
		require.Equal(t, store.InboxState{
			Epoch: epoch, Head: 5, Unread: 2,
			Note: &event.Note{Version: s.Note.Version, Head: 5, Unread: 2, Kind: event.NoteRead, UpTo: 3},
		}, s)
		require.Equal(t, "5 4 (3) (2) (1)", h.list(t, c, 0, 10, false))
		require.Nil(t, h.must(t, c)(h.DB.MarkRead(t.Context(), c, 3)).Note, "once more changes nothing")
		require.Nil(t, h.must(t, c)(h.DB.MarkRead(t.Context(), c, 0)).Note)
		require.Nil(t, h.must(t, c)(h.DB.MarkRead(t.Context(), c, 1)).Note, "the watermark does not go back")
		s = h.must(t, c)(h.DB.MarkRead(t.Context(), c, event.MaxSeq))
		require.EqualValues(t, 5, s.Note.UpTo)
		require.Zero(t, s.Unread)
		h.fill(t, c, 2)
		require.EqualValues(t, 2, h.head(t, c).Unread, "what comes later is unread")
		require.Equal(t, "7 6", h.list(t, c, 0, 10, true))
		none, err := h.DB.MarkRead(t.Context(), "user:nobody", 9)
		require.NoError(t, err)
		require.Equal(t, store.InboxState{Epoch: epoch}, none)
	},
	"single events are marked read, and unread again": func(t *testing.T, h Harness) {
		c := channels("single", 1)[0]
		h.fill(t, c, 6)
		s := h.must(t, c)(h.DB.MarkReadSeqs(t.Context(), c, []uint64{5, 2, 5, 0, 99}))
		require.Equal(t, []uint64{2, 5}, s.Note.Seqs)
		require.Equal(t, event.NoteRead, s.Note.Kind)
		require.Nil(t, h.must(t, c)(h.DB.MarkReadSeqs(t.Context(), c, []uint64{2})).Note)
		s = h.must(t, c)(h.DB.MarkUnreadSeqs(t.Context(), c, []uint64{2, 3}))
		require.Equal(t, []uint64{2}, s.Note.Seqs)
		require.Equal(t, event.NoteUnread, s.Note.Kind)
		require.Equal(t, "6 (5) 4 3 2 1", h.list(t, c, 0, 10, false))

		h.must(t, c)(h.DB.MarkRead(t.Context(), c, 4))
		require.Equal(t, "6 (5) (4) (3) (2) (1)", h.list(t, c, 0, 10, false))
		h.must(t, c)(h.DB.MarkUnreadSeqs(t.Context(), c, []uint64{1, 3, 5}))
		require.Equal(t, "6 5 (4) 3 (2) 1", h.list(t, c, 0, 10, false))
		require.Equal(t, "6 5 3 -> 3", h.list(t, c, 0, 3, true))
		require.Equal(t, "1", h.list(t, c, 3, 3, true))
		require.Nil(t, h.must(t, c)(h.DB.MarkUnreadSeqs(t.Context(), c, []uint64{1, 3, 5})).Note)
		h.must(t, c)(h.DB.MarkReadSeqs(t.Context(), c, []uint64{3}))
		h.must(t, c)(h.DB.MarkRead(t.Context(), c, 2))
		require.Equal(t, "6 5 (4) (3) (2) (1)", h.list(t, c, 0, 10, false))
		require.Zero(t, h.must(t, c)(h.DB.MarkRead(t.Context(), c, 6)).Unread)
		require.Zero(t, h.count(t, "read_exceptions"))
		require.Empty(t, h.list(t, c, 0, 10, true))
	},
	"a thousand events are marked at once": func(t *testing.T, h Harness) {
		c := channels("thousand", 1)[0]
		h.fill(t, c, 1001)
		s := h.must(t, c)(h.DB.MarkReadSeqs(t.Context(), c, series(1, 1000)))
		require.EqualValues(t, 1, s.Unread)
		require.Len(t, s.Note.Seqs, 1000)
		require.Equal(t, "1001", h.list(t, c, 0, 10, true))
		s = h.must(t, c)(h.DB.MarkUnreadSeqs(t.Context(), c, series(2, 1001)))
		require.EqualValues(t, 1000, s.Unread)
		require.Equal(t, series(2, 1000), s.Note.Seqs)
	},
	"what is gone can't be marked unread": func(t *testing.T, h Harness) {
		c := channels("gone-unread", 1)[0]
		short := entry(`"short"`, c)
		short.ExpiresAt = time.Now().Add(-time.Second)
		h.write(t, entry(`1`, c), entry(`2`, c), collapsing(`3`, "k", c), collapsing(`4`, "k", c), short, entry(`6`, c))
		require.NoError(t, walk(t, h, keepNewest(5)))
		h.delete(t, c, 2)
		h.must(t, c)(h.DB.MarkRead(t.Context(), c, 6))
		s := h.must(t, c)(h.DB.MarkUnreadSeqs(t.Context(), c, series(1, 6)))
		require.Equal(t, []uint64{4, 6}, s.Note.Seqs)
		require.Equal(t, "6 4", h.list(t, c, 0, 10, true))
	},
	"trimmed events are unread no more": func(t *testing.T, h Harness) {
		c := channels("trim-unread", 1)[0]
		h.fill(t, c, 8)
		h.must(t, c)(h.DB.MarkRead(t.Context(), c, 3))
		h.must(t, c)(h.DB.MarkUnreadSeqs(t.Context(), c, []uint64{1, 3}))
		h.must(t, c)(h.DB.MarkReadSeqs(t.Context(), c, []uint64{5, 7}))
		require.NoError(t, walk(t, h, keepNewest(6))) // 1 and 2 go
		require.EqualValues(t, 4, h.head(t, c).Unread)
		require.NoError(t, walk(t, h, keepNewest(3))) // 3, 4 and 5 go
		require.Equal(t, "8 (7) 6", h.list(t, c, 0, 10, false))
		require.EqualValues(t, 2, h.head(t, c).Unread)
		require.Equal(t, 1, h.count(t, "read_exceptions"))
		require.NoError(t, h.DB.Purge(t.Context(), c))
		require.Zero(t, h.head(t, c).Unread)
		require.Zero(t, h.count(t, "read_exceptions"))
	},
	"a list that is behind many events that it does not show goes on": func(t *testing.T, h Harness) {
		c := channels("behind", 1)[0]
		entries := make([]store.Entry, 4500)
		for i := range entries {
			entries[i] = entry(`1`, c)
			if i > 0 {
				entries[i].CollapseKey = "k"
			}
		}
		for len(entries) > 0 {
			h.write(t, entries[:500]...)
			entries = entries[500:]
		}
		require.EqualValues(t, 2, h.head(t, c).Unread)
		require.Equal(t, "4500 -> 2501", h.list(t, c, 0, 10, false))
		require.Equal(t, "1", h.list(t, c, 2501, 10, false), "windows without an item are passed")
		h.must(t, c)(h.DB.MarkRead(t.Context(), c, 4499))
		h.must(t, c)(h.DB.MarkUnreadSeqs(t.Context(), c, []uint64{1}))
		require.Equal(t, "4500 1", h.list(t, c, 0, 10, true), "the exceptions below the watermark need no looking for")
	},
}
