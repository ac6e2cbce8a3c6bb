package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/store"
)

var auditTests = map[string]func(*testing.T, Harness){
	"an audit line that is written again stands once, whatever is in it": func(t *testing.T, h Harness) {
		t.Helper()
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
		t.Helper()
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
