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

var revokeTests = map[string]func(*testing.T, Harness){
	"a revocation is listed and told to the tail": func(t *testing.T, h Harness) {
		last := h.tail(t, store.Mark{}, everythingSeen).Last
		before := time.Now().Add(-time.Minute)
		require.NoError(t, h.DB.Revoke(t.Context(), "user:mina"))
		require.NoError(t, h.DB.Revoke(t.Context(), "user:zoe"))
		require.NoError(t, h.DB.Revoke(t.Context(), "user:mina"), "again")

		list, more, err := h.DB.Revocations(t.Context(), time.Time{})
		require.NoError(t, err)
		require.False(t, more)
		require.Len(t, list, 2, "once for each person")
		for _, r := range list {
			require.True(t, r.At.After(before))
			require.False(t, r.At.After(time.Now().Add(time.Minute)))
		}
		list, _, err = h.DB.Revocations(t.Context(), list[1].At.Add(time.Millisecond))
		require.NoError(t, err)
		require.Empty(t, list)

		commits := h.tail(t, last, nothingSeen).Commits
		require.Len(t, commits, 3)
		require.Equal(t, []store.Change{{Channel: "user:mina", Revoke: true}}, commits[0].Changes)
		require.Zero(t, h.head(t, "user:mina").Version, "the inbox itself is as it was")
	},
	"revocations of one moment are listed together": func(t *testing.T, h Harness) {
		rows := make([]string, 1100)
		for i := range rows {
			rows[i] = fmt.Sprintf("('%d', %d)", i, 1+min(i, 990)) // the last 110 share a millisecond
		}
		h.exec(t, "INSERT INTO revocations (subject, at) VALUES "+strings.Join(rows, ","))
		list, more, err := h.DB.Revocations(t.Context(), time.Time{})
		require.NoError(t, err)
		require.True(t, more)
		require.Len(t, list, 1100)
		list, more, err = h.DB.Revocations(t.Context(), list[1099].At.Add(time.Millisecond))
		require.NoError(t, err)
		require.False(t, more)
		require.Empty(t, list)
	},
	"revocations are forgotten when no such token lives": func(t *testing.T, h Harness) {
		for _, inbox := range []event.Channel{"user:old", "user:new"} {
			require.NoError(t, h.DB.Revoke(t.Context(), inbox))
		}
		h.exec(t, "UPDATE revocations SET at = at - ? WHERE subject = 'old'", store.RevocationLife.Milliseconds()+1000)
		_, err := h.DB.AgeOut(t.Context())
		require.NoError(t, err)
		list, _, err := h.DB.Revocations(t.Context(), time.Time{})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, "new", list[0].Subject)
	},
	"a revocation is lifted, and who reads on hears of it": func(t *testing.T, h Harness) {
		long := event.Channel("user:" + strings.Repeat("m", event.MaxKey))
		for _, inbox := range []event.Channel{"user:mina", long} {
			require.NoError(t, h.DB.LiftRevocation(t.Context(), inbox), "there is none yet")
			require.NoError(t, h.DB.Revoke(t.Context(), inbox))
			at, err := h.DB.Revoked(t.Context(), inbox)
			require.NoError(t, err)
			last := h.tail(t, store.Mark{}, everythingSeen).Last
			require.NoError(t, h.DB.LiftRevocation(t.Context(), inbox))
			commits := h.tail(t, last, nothingSeen).Commits
			require.Len(t, commits, 1)
			require.Equal(t, []store.Change{{Channel: inbox, Revoke: true}}, commits[0].Changes)

			list, _, err := h.DB.Revocations(t.Context(), at)
			require.NoError(t, err)
			lifts := list[len(list)-1]
			require.True(t, lifts.Lifts())
			require.Equal(t, store.LiftedSubject(inbox.Key()), lifts.Subject)
			require.True(t, lifts.At.After(at), "also within one millisecond")
			none, err := h.DB.Revoked(t.Context(), inbox)
			require.NoError(t, err)
			require.Zero(t, none)
		}
	},
	"revocations need a log": func(t *testing.T, h Harness) {
		_, _, err := h.DB.Revocations(cancelled(), time.Time{})
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.Error(t, h.DB.Revoke(cancelled(), "user:mina"))
	},
}

var auditTests = map[string]func(*testing.T, Harness){
	"an audit line that is written again stands once, whatever is in it": func(t *testing.T, h Harness) {
		long := strings.Repeat("\xff\U0001F514'\x00", 1000)
		lines := []store.AuditLine{
			store.Audit(store.AuditLine{At: time.Now(), Operation: "disconnect-user", About: "Jane", Service: "ops", Remote: "[::1]:80", Status: 204, RequestID: "r"}),
			store.Audit(store.AuditLine{At: time.Now(), Operation: long, About: long, Service: long, Remote: long, Status: 599, RequestID: long}),
		}
		require.NoError(t, h.DB.WriteAudit(t.Context(), lines[:1]))
		require.NoError(t, h.DB.WriteAudit(t.Context(), lines))
		require.Equal(t, 2, h.count(t, "audit"))
		require.ErrorIs(t, h.DB.WriteAudit(cancelled(), lines), store.ErrUnavailable)
	},
	"audit lines are forgotten by their age and beyond a number": func(t *testing.T, h Harness) {
		const day = 24 * time.Hour
		var lines []store.AuditLine
		for _, age := range []time.Duration{3 * day, 0, 2 * day, day / 2} {
			lines = append(lines, store.Audit(store.AuditLine{At: time.Now().Add(-age), Operation: "show-fleet"}))
		}
		require.NoError(t, h.DB.WriteAudit(t.Context(), lines))
		more, err := h.DB.AgeAudit(t.Context(), day)
		require.NoError(t, err)
		require.False(t, more)
		require.Equal(t, 2, h.count(t, "audit"))

		h.exec(t, "UPDATE audit SET id = id + ?", store.MaxAudit+10)
		h.exec(t, "INSERT INTO audit (id, at, token, operation, about, service, remote, status, request_id) VALUES (1, ?, '12345678', '', '', '', '', 0, '')",
			time.Now().UnixMilli())
		_, err = h.DB.AgeAudit(t.Context(), day)
		require.NoError(t, err)
		require.Equal(t, 2, h.count(t, "audit"), "a million newer ones have been")
	},
}
