package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestOpenStreamsHoldNoConnections: ten thousand open streams on one gateway
// whose pools have four connections, and reads and publishes go on.
func TestOpenStreamsHoldNoConnections(t *testing.T) {
	const streams = 10_000
	f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 0)
	g := f.gatewayProcess(t, "BELLHOP_MYSQL_POOL=4")
	addr := strings.TrimPrefix(g.URL, "http://")
	idle := rss(t, g.PID())
	open := make([]*rawStream, streams)
	var dials errgroup.Group
	dials.SetLimit(64)
	for i := range open {
		dials.Go(func() (err error) {
			open[i], err = openRaw(addr, "", fmt.Sprintf("many-%d", i), "")
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
	t.Logf("%d bytes of memory for each stream, right after the rush", (rss(t, g.PID())-idle)/streams)

	// Some of the streams hear of an event each, and the history answers.
	signed, err := token("many-0")
	require.NoError(t, err)
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for i := 0; i < streams; i += streams / 50 {
		f.publish(t, event.Channel(fmt.Sprintf("user:many-%d", i)), fmt.Sprintf(`{"n":%d}`, i))
		line, err := open[i].until("data: ")
		require.NoError(t, err)
		require.Contains(t, line, fmt.Sprintf(`"data":{"n":%d}`, i))

		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, g.URL+"/v1/channels/user:many-0/events", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+signed)
		resp, err := client.Do(req)
		require.NoError(t, err)
		var list struct{ Events []json.RawMessage }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&list))
		require.NoError(t, resp.Body.Close())
		require.Len(t, list.Events, 1)
	}

	for _, server := range []*testenv.SQLServer{f.cluster.Primary, f.cluster.Replica} {
		var connections int
		require.NoError(t, server.Admin().QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE db = ?", f.database).Scan(&connections))
		require.LessOrEqual(t, connections, 2*4, "pools of gateway and notifier")
	}
}

// rawStream is a stream without a goroutine of its own.
type rawStream struct {
	conn   net.Conn
	r      *bufio.Reader
	events int // passed by until
	bytes  int // read by until
}

// openRaw opens a user's stream, with a query and with a cursor unless those are empty, and reads it
// up to its bellhop.ready.
func openRaw(addr, query, user, cursor string) (*rawStream, error) {
	signed, err := token(user)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	s := &rawStream{conn: conn, r: bufio.NewReaderSize(conn, 1024)}
	head := "GET /v1/stream" + query + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + signed + "\r\n"
	if cursor != "" {
		head += "Last-Event-ID: " + cursor + "\r\n"
	}
	if _, err := fmt.Fprint(conn, head+"\r\n"); err != nil {
		return s, err
	}
	if line, err := s.until("HTTP/1.1 "); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
		return s, fmt.Errorf("answer %q: %w", line, err)
	}
	if _, err = s.until("event: bellhop.ready"); err == nil {
		_, err = s.until("id: ")
	}
	return s, err
}

// until reads up to the line that begins with prefix.
func (s *rawStream) until(prefix string) (string, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return "", err
	}
	for {
		line, err := s.r.ReadString('\n')
		s.bytes += len(line)
		if err != nil || strings.HasPrefix(line, prefix) {
			return line, err
		}
		if strings.HasPrefix(line, "event: note") {
			s.events++
		}
	}
}
