package app

import (
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/cmd/internal/config"
)

// TestAdminCallsAreKeptInATable of the database if the policy file says so.
func TestAdminCallsAreKeptInATable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	policies := filepath.Join(t.TempDir(), "policies.yaml")
	require.NoError(t, os.WriteFile(policies, []byte("namespaces: {a: {access: public}}\naudit: 365d\n"), 0o600))
	var cfg config.Notifier
	_, err := config.Parse(&cfg, nil, h.environ("BELLHOP_SERVICE_KEYS=ops@admin="+opsKey, "BELLHOP_POLICIES="+policies), io.Discard)
	require.NoError(t, err)
	changed, err := changedPolicies(auth.Builtin(), cfg.Namespaces)
	require.NoError(t, err)
	require.Contains(t, changed, "audit", "what a reload says")
	n, err := NewNotifier(t.Context(), &cfg, cfg.Logger(new(console), slog.LevelInfo))
	require.NoError(t, err)
	run(t, n)
	eventuallyReady(t, n)
	status, answer := post(t, n.URL()+"/v1/admin/disconnect", `{"user":"민아"}`, "Authorization", "Bearer "+opsKey, "X-Request-Id", "the-request")
	require.Equal(t, http.StatusNoContent, status, answer)

	db, err := sql.Open("mysql", h.primary)
	require.NoError(t, err)
	defer db.Close()
	require.Eventually(t, func() bool {
		var service, operation, about, id string
		var status int
		err := db.QueryRowContext(t.Context(), "SELECT service, operation, about, status, request_id FROM audit").Scan(&service, &operation, &about, &status, &id)
		return err == nil && service == "ops" && operation == "disconnect-user" && about == "민아" && status == http.StatusNoContent && id == "the-request"
	}, patience, tick)
}
