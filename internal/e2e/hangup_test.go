package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestHangupUnderManyStreams: a rotated secret, a new service key and a changed policy
// under 5,000 streams end those alone that the new policy forbids; the others miss
// nothing.
func TestHangupUnderManyStreams(t *testing.T) {
	const streams, forbidden = 5000, 100
	f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 0)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	const policies = "namespaces:\n  news: {access: %s, log: database}\n"
	g := testenv.Run(t, testenv.Build(t, "./cmd/gateway"),
		"BELLHOP_MYSQL_PRIMARY="+f.cluster.Primary.DSN(f.database),
		"BELLHOP_REDIS="+f.redis.URL(),
		"BELLHOP_JWT_SECRET_FILE="+write("secret", signingKey),
		"BELLHOP_POLICIES="+write("policies.yaml", fmt.Sprintf(policies, "authenticated")),
		"BELLHOP_MAX_STREAMS_PER_ADDRESS=0", "BELLHOP_MAX_RATE_PER_ADDRESS=0",
	)
	const oldKey, newKey = "the-old-key-of-a-service", "the-new-key-of-a-service"
	n := testenv.Run(t, testenv.Build(t, "./cmd/notifier"), f.env(
		"BELLHOP_SERVICE_KEYS_FILE="+write("keys", "shop="+oldKey), "BELLHOP_POLICIES="+filepath.Join(dir, "policies.yaml"))...)
	publish := func(key, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL+"/v1/events", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	const other = `{"channels":["user:another"],"type":"note","data":1}`
	require.Equal(t, http.StatusCreated, publish(oldKey, other))
	open := make([]*rawStream, streams+forbidden)
	name := func(i int) string { return fmt.Sprintf("hangup-%d", i) }
	var dials errgroup.Group
	dials.SetLimit(64)
	for i := range open {
		dials.Go(func() (err error) {
			query := ""
			if i >= streams {
				query = "?channel=news:a"
			}
			open[i], err = openRaw(strings.TrimPrefix(g.URL, "http://"), query, name(i), "")
			return err
		})
	}
	err := dials.Wait()
	t.Cleanup(func() {
		for _, s := range open {
			if s != nil {
				_ = s.conn.Close()
			}
		}
	})
	require.NoError(t, err)

	write("secret", "another-"+signingKey)
	write("policies.yaml", fmt.Sprintf(policies, "member"))
	write("keys", "shop="+newKey)
	began := time.Now()
	for _, program := range []*testenv.Program{g, n} {
		require.NoError(t, syscall.Kill(program.PID(), syscall.SIGHUP))
	}
	for _, s := range open[streams:] {
		_, err := s.until("event: bellhop.drain")
		require.NoError(t, err)
		_, err = s.until("0\r\n") // the last chunk
		require.NoError(t, err)
	}
	t.Logf("%d forbidden streams of %d ended within %v", forbidden, len(open), time.Since(began))
	_, err = openRaw(strings.TrimPrefix(g.URL, "http://"), "", name(0), "")
	require.ErrorContains(t, err, "HTTP/1.1 401", "the old secret is no good")

	require.Eventually(t, func() bool { return publish(newKey, other) == http.StatusCreated }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, http.StatusUnauthorized, publish(oldKey, other), "nor is the old key")
	for first := 0; first < streams; first += 1000 {
		var channels []string
		for i := first; i < first+1000; i++ {
			channels = append(channels, fmt.Sprintf("%q", "user:"+name(i)))
		}
		require.Equal(t, http.StatusCreated, publish(newKey, `{"channels":[`+strings.Join(channels, ",")+`],"type":"note","data":1}`))
	}
	for i, s := range open[:streams] {
		line, err := s.until("data: ")
		require.NoError(t, err, i)
		require.Contains(t, line, `"seq":1,`)
	}
}
