package e2e

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/internal/testkit/workload"
)

// before is the version that this one replaces: the last one that was released, and
// until there is one, a commit of the last weeks.
const before = "96ae78bf244ea55fa9571a09eb95161767c7c6f3"

// older builds programs of the version before. It needs the history of the clone.
func older(t *testing.T) (gateway, notifier string) {
	t.Helper()
	dir := t.TempDir()
	run := func(in string, command ...string) {
		cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
		cmd.Dir = in
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%v: %s (a shallow clone has no version before: git fetch --unshallow)", command, out)
	}
	run(".", "sh", "-c", "cd \"$(git rev-parse --show-toplevel)\" && git archive "+before+" | tar -x -C '"+dir+"'")
	run(dir, "go", "build", "-buildvcs=false", "-o", "bin/", "./cmd/gateway", "./cmd/notifier")
	return filepath.Join(dir, "bin", "gateway"), filepath.Join(dir, "bin", "notifier")
}

// TestVersionsMix: gateways and notifiers of this version and the one before share a
// fleet while clients come and go; nothing is lost, doubled or reset.
func TestVersionsMix(t *testing.T) {
	t.Parallel()
	oldGateway, oldNotifier := older(t)
	newGateway, newNotifier := testenv.Build(t, "./cmd/gateway"), testenv.Build(t, "./cmd/notifier")
	for name, programs := range map[string]struct{ notifiers, gateways []string }{
		"old notifier, new gateways": {[]string{oldNotifier}, []string{newGateway, newGateway}},
		"new notifier, old gateways": {[]string{newNotifier}, []string{oldGateway, oldGateway}},
		"one of each":                {[]string{oldNotifier, newNotifier}, []string{oldGateway, newGateway}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 0)
			start := func(paths []string, more ...string) (urls []string) {
				var mu sync.Mutex
				var all sync.WaitGroup
				for _, path := range paths {
					all.Go(func() {
						p := testenv.Run(t, path, f.env(more...)...)
						mu.Lock()
						defer mu.Unlock()
						urls = append(urls, p.URL)
					})
				}
				all.Wait()
				return urls
			}
			notifiers := start(programs.notifiers, "BELLHOP_SERVICE_KEYS=e2e="+serviceKey)
			gateways := start(programs.gateways, "BELLHOP_JWT_SECRET="+signingKey,
				"BELLHOP_MAX_RATE_PER_ADDRESS=0", "BELLHOP_MAX_STREAMS_PER_ADDRESS=0")
			plan := f.plan()
			plan.Users, plan.Events, plan.Rate, plan.Restless = 100, 2000, 200, 0.5
			plan.Gateways = func() []string { return gateways }
			plan.Notifiers = func() []string { return notifiers }
			began := time.Now()
			run, err := workload.Start(t.Context(), plan)
			require.NoError(t, err)
			require.NoError(t, run.Publish(t.Context()))
			report, err := run.Finish(t.Context())
			require.NoError(t, err)
			t.Logf("%v in %v", report, time.Since(began).Round(time.Second))
			require.Empty(t, report.Violations)
			require.Equal(t, plan.Events, report.Acked)
			require.Zero(t, report.Resets)
			require.Zero(t, report.Refused)
			require.Zero(t, report.Unclean)
		})
	}
}
