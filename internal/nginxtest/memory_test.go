package nginxtest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// browserHead is about what a browser sends beside the request line.
var browserHead = strings.Join([]string{
	"Host: bell.example.com",
	"Connection: keep-alive",
	"Cache-Control: no-cache",
	"Accept: text/event-stream",
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	"Origin: https://bell.example.com",
	"Referer: https://bell.example.com/",
	"Accept-Encoding: gzip, deflate, br, zstd",
	"Accept-Language: en-GB,en;q=0.9",
	"Cookie: theme=dark; session=" + strings.Repeat("s", 300),
}, "\r\n")

// TestMemoryOfAStreamInNginx: Nginx has the largest share of what a stream costs,
// and a buffer too large would be paid for as often as there are clients.
func TestMemoryOfAStreamInNginx(t *testing.T) {
	const streams, most = 250, 24 << 10
	b := newBellhop(t)
	for _, mode := range []string{"plain", "tls"} {
		secure := testenv.Address(t)
		e := newEdge(t, []string{addr(b)}, []string{
			"EDGE_MODE=" + mode, "EDGE_HTTPS_PORT=" + secure, "EDGE_CERTIFICATE=/nowhere/cert.pem",
			"EDGE_STREAMS_PER_ADDRESS=2000", "EDGE_CONNECTS_PER_ADDRESS=2000",
		})
		dial := func() (net.Conn, error) { return net.Dial("tcp", e.Addr) }
		limit := most
		if mode == "tls" {
			dial = func() (net.Conn, error) {
				return tls.Dial("tcp", secure, &tls.Config{InsecureSkipVerify: true})
			}
			limit = 3 * most
		}
		before := e.workerMemory(t)
		for range streams {
			c, err := dial()
			require.NoError(t, err)
			defer c.Close()
			_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\n%s\r\n\r\n", openNews, browserHead)
			require.NoError(t, err)
			status, err := bufio.NewReader(c).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "HTTP/1.1 200 OK\r\n", status)
		}
		each := (e.workerMemory(t) - before) / streams
		t.Logf("%s: %.1f KiB a stream", mode, float64(each)/1024)
		require.Less(t, each, limit)
	}
}

// workerMemory is the resident memory of Nginx's one worker, in bytes.
func (e *edge) workerMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(e.worker(t)), "status"))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			require.NoError(t, err)
			return kib << 10
		}
	}
	require.Fail(t, "no VmRSS")
	return 0
}
