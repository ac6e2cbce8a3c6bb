package rival

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const serviceKey = "0123456789abcdefghij"

// server is one that holds streams.
type server struct {
	name    string
	address string
	target  string // of a stream of the channel whose name follows
	end     string // what follows the name
	ready   string // what begins the line of a stream from which on it misses nothing
	pid     int
	// request publishes data to a channel.
	request func(b *testing.B, channel string, data []byte) *http.Request
}

func (s *server) publish(b *testing.B, channel string, data []byte) {
	b.Helper()
	resp, err := http.DefaultClient.Do(s.request(b, channel, data))
	require.NoError(b, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	require.NoError(b, resp.Body.Close())
	require.Less(b, resp.StatusCode, 300, "%s", text)
}

// bellhop is a gateway with all that belongs to it: a notifier that writes every
// event to a database, and Redis between the two.
func bellhop(b *testing.B) *server {
	b.Helper()
	db := testenv.MySQL(b, testenv.MariaDB())
	policies := filepath.Join(b.TempDir(), "policies.yaml")
	require.NoError(b, os.WriteFile(policies, []byte("namespaces: {topic: {access: public, log: database}}\n"), 0o600))
	env := []string{
		"BELLHOP_MYSQL_PRIMARY=" + db.Primary.DSN(db.NewDatabase(b)), "BELLHOP_REDIS=" + testenv.Redis(b).URL(),
		"BELLHOP_POLICIES=" + policies, "BELLHOP_LOG_LEVEL=warn",
	}
	notifier := testenv.Run(b, testenv.Build(b, "./cmd/notifier"), append(env, "BELLHOP_SERVICE_KEYS=bench="+serviceKey)...)
	gateway := testenv.Run(b, testenv.Build(b, "./cmd/gateway"), append(env, "BELLHOP_JWT_SECRET="+strings.Repeat("s", 32))...)
	return &server{
		name: "Bellhop", address: host(b, gateway.URL), target: "/v1/stream?channel=topic:", ready: "event: bellhop.ready", pid: gateway.PID(),
		request: func(b *testing.B, channel string, data []byte) *http.Request {
			b.Helper()
			body := fmt.Appendf(nil, `{"channels":["topic:%s"],"type":"load","data":%s}`, channel, data)
			req := post(b, notifier.URL+"/v1/events", body)
			req.Header.Set("Authorization", "Bearer "+serviceKey)
			req.Header.Set("Content-Type", "application/json")
			return req
		},
	}
}

// nchanConf has one process that does everything: what an event costs does not
// grow by passing it on to other workers.
const nchanConf = `
load_module {{.Module}};
master_process off;
worker_rlimit_nofile {{.Files}};
events { worker_connections {{.Files}}; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {
        listen {{.Listen}} backlog=4096;
        location = /publish { nchan_publisher; nchan_channel_id $arg_id; }
        location = /stream {
            nchan_subscriber eventsource;
            nchan_channel_id $arg_id;
            nchan_eventsource_ping_interval 20;
        }
    }
}
`

// nchan is Nginx with the module, which keeps events in memory.
func nchan(b *testing.B, module string, streams int) *server {
	b.Helper()
	module, err := filepath.Abs(module)
	require.NoError(b, err)
	nginx := testenv.Nginx(b, nchanConf, map[string]any{"Module": module, "Files": streams + 1000})
	var pid int
	require.Eventually(b, func() bool { // it listens before it says who it is
		text, err := os.ReadFile(filepath.Join(nginx.Dir, "nginx.pid"))
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	return &server{
		name: "nchan", address: nginx.Addr, target: "/stream?id=", ready: ": hi", pid: pid,
		request: func(b *testing.B, channel string, data []byte) *http.Request {
			b.Helper()
			req := post(b, nginx.URL()+"/publish?id="+url.QueryEscape(channel), data)
			req.Header.Set("X-Eventsource-Event", "load")
			return req
		},
	}
}

func post(b *testing.B, to string, body []byte) *http.Request {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, to, bytes.NewReader(body))
	require.NoError(b, err)
	return req
}

func host(b *testing.B, base string) string {
	b.Helper()
	u, err := url.Parse(base)
	require.NoError(b, err)
	return u.Host
}

// payload is an event's data, as long as that of the other benchmarks.
func payload() []byte {
	return fmt.Appendf(nil, `{"at":%d,%s%s"}`, time.Now().UnixNano(), marker, strings.Repeat("x", 86))
}
