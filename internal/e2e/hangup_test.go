package e2e

import (
	"fmt"
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

// TestHangupUnderManyStreams: a rotated secret and a changed policy under 5,000
// streams end those alone that the new policy forbids; the others miss nothing.
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
	began := time.Now()
	require.NoError(t, syscall.Kill(g.PID(), syscall.SIGHUP))
	for _, s := range open[streams:] {
		_, err := s.until("event: bellhop.drain")
		require.NoError(t, err)
		_, err = s.until("0\r\n") // the last chunk
		require.NoError(t, err)
	}
	t.Logf("%d forbidden streams of %d ended within %v", forbidden, len(open), time.Since(began))
	_, err = openRaw(strings.TrimPrefix(g.URL, "http://"), "", name(0), "")
	require.ErrorContains(t, err, "HTTP/1.1 401", "the old secret is no good")

	for first := 0; first < streams; first += 1000 {
		var channels []string
		for i := first; i < first+1000; i++ {
			channels = append(channels, fmt.Sprintf("%q", "user:"+name(i)))
		}
		f.post(t, `{"channels":[`+strings.Join(channels, ",")+`],"type":"note","data":1}`)
	}
	for i, s := range open[:streams] {
		line, err := s.until("data: ")
		require.NoError(t, err, i)
		require.Contains(t, line, `"seq":1,`)
	}
}
