package notifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/store"
)

// fakeAudit is a table of audit lines.
type fakeAudit struct {
	slow time.Duration // what each group takes

	mu      sync.Mutex
	failure error // of each group
	tries   int
	lines   []store.AuditLine
	kept    []time.Duration // what AgeAudit was called with
}

func (f *fakeAudit) WriteAudit(_ context.Context, lines []store.AuditLine) error {
	<-time.After(f.slow)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tries++; f.failure != nil {
		return f.failure
	}
	f.lines = append(f.lines, lines...)
	return nil
}

// fail has groups fail from now on, and says how many there were.
func (f *fakeAudit) fail(err error) (tries int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failure = err
	return f.tries
}

// wait lets time go on until nothing moves.
func (f *fakeAudit) wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (f *fakeAudit) AgeAudit(_ context.Context, keep time.Duration) (bool, error) {
	f.kept = append(f.kept, keep)
	return false, nil
}

// auditing is policies that want audit lines kept for 100 days.
func auditing(t *testing.T) auth.Policies {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policies.yaml")
	require.NoError(t, os.WriteFile(path, []byte("namespaces: {a: {access: public}}\naudit: 100d\n"), 0o600))
	p, err := auth.LoadFile(path)
	require.NoError(t, err)
	return p
}

func newAudited(t *testing.T, to *fakeAudit) *api {
	t.Helper()
	return newAPI(t, &fakeLog{}, &fakeBus{}, func(c *Config) { c.Audit, c.Policies = to, auditing(t) })
}

func (a *api) disconnectAs(key, request string) int {
	return a.do(http.MethodPost, "/v1/admin/disconnect", `{"user":"Jane"}`, "Authorization", "Bearer "+key, "X-Request-Id", request).Code
}

// TestAdminCallsAreInTheTableIfThePolicySaysSo: those with a known key, which may not fill
// it otherwise, also refused ones. They are forgotten after the time that the policy says.
func TestAdminCallsAreInTheTableIfThePolicySaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := new(fakeAudit)
		a := newAudited(t, to)
		require.Equal(t, http.StatusNoContent, a.disconnectAs("admin", "r1"))
		require.Equal(t, http.StatusForbidden, a.disconnectAs("topics", "r2"))
		require.Equal(t, http.StatusUnauthorized, a.disconnectAs("nobody's", "r3"))
		synctest.Wait()
		require.Len(t, to.lines, 2)
		for i, want := range []string{"disconnect-user Jane ops 204 r1", "disconnect-user  news 403 r2"} {
			l := to.lines[i]
			require.Equal(t, want, fmt.Sprint(l.Operation, " ", l.About, " ", l.Service, " ", l.Status, " ", l.RequestID))
			require.Contains(t, l.Remote, ":")
			require.WithinDuration(t, time.Now(), l.At, 0)
		}
		require.Equal(t, []time.Duration{100 * 24 * time.Hour}, to.kept)
		a.SetAccess(a.cfg.access.Load().keys, auth.Builtin())
		require.Equal(t, http.StatusNoContent, a.disconnectAs("admin", "r4"))
		to.wait(time.Hour)
		require.Len(t, to.lines, 2, "no policy wants it")
		require.Len(t, to.kept, 1, "nor that any goes")
	})
}

// TestATableThatIsAwayHoldsNoCallUp: the lines wait, so many, and are written when it is
// back; what is lost is counted.
func TestATableThatIsAwayHoldsNoCallUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &fakeAudit{slow: time.Second, failure: fmt.Errorf("write: %w", store.ErrUnavailable)}
		a := newAudited(t, to)
		began := time.Now()
		const calls = auditQueue + auditGroup + 50
		require.Equal(t, http.StatusNoContent, a.disconnectAs("admin", "first"))
		synctest.Wait() // the worker holds it, and is stuck
		for range calls {
			require.Equal(t, http.StatusNoContent, a.disconnectAs("admin", "more"))
		}
		require.Zero(t, time.Since(began), "no call waits for the table")
		require.InDelta(t, calls-auditQueue, value(t, a.metrics.auditLost), 0)
		to.wait(time.Minute)
		require.Positive(t, value(t, a.metrics.maintenanceFailed.WithLabelValues("audit")), "that is told")
		require.Empty(t, to.lines)
		to.fail(nil)
		to.wait(time.Minute)
		require.Len(t, to.lines, 1+auditQueue, "all that waited")
		require.Equal(t, "first", to.lines[0].RequestID)

		to.fail(errors.New("a line that it never takes"))
		require.Equal(t, http.StatusNoContent, a.disconnectAs("admin", "bad"))
		to.wait(2 * time.Second)
		to.fail(nil)
		require.Equal(t, http.StatusNoContent, a.disconnectAs("admin", "good"))
		to.wait(5 * time.Second)
		require.Equal(t, "good", to.lines[len(to.lines)-1].RequestID, "it does not keep others back")
		require.InDelta(t, calls-auditQueue+1, value(t, a.metrics.auditLost), 0)
	})
}

// TestAuditLinesAreWrittenOnTheWayDown, in one attempt; what that fails is counted.
func TestAuditLinesAreWrittenOnTheWayDown(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"works": nil, "is away": store.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				to := &fakeAudit{failure: store.ErrUnavailable}
				a := newAudited(t, to)
				for range auditGroup + 1 {
					require.Equal(t, http.StatusNoContent, a.disconnectAs("admin", "r"))
				}
				synctest.Wait()
				tries := to.fail(failure)
				a.Stop()
				if failure == nil {
					require.Len(t, to.lines, auditGroup+1)
					require.Zero(t, value(t, a.metrics.auditLost))
					return
				}
				require.Equal(t, tries+1, to.tries)
				require.InDelta(t, auditGroup+1, value(t, a.metrics.auditLost), 0)
			})
		})
	}
}
