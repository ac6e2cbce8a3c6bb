package conntest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// client is a raw HTTP/1.1 client: it takes the chunks apart itself, since
// net/http's would forgive.
type client struct {
	t *testing.T
	c *net.TCPConn
	r *bufio.Reader
}

// dial connects with a small receive buffer if rcvbuf is not 0.
func dial(t *testing.T, addr string, rcvbuf int) *client {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	tcp, ok := c.(*net.TCPConn)
	require.True(t, ok)
	if rcvbuf > 0 {
		require.NoError(t, tcp.SetReadBuffer(rcvbuf))
	}
	require.NoError(t, tcp.SetReadDeadline(time.Now().Add(3*patience)))
	t.Cleanup(func() { _ = tcp.Close() })
	return &client{t: t, c: tcp, r: bufio.NewReader(tcp)}
}

// open sends the request and reads the response's head.
func (c *client) open() textproto.MIMEHeader {
	c.t.Helper()
	c.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	return c.head()
}

func (c *client) send(s string) {
	c.t.Helper()
	_, err := io.WriteString(c.c, s)
	require.NoError(c.t, err)
}

// head reads the response's head.
func (c *client) head() textproto.MIMEHeader {
	c.t.Helper()
	tp := textproto.NewReader(c.r)
	status, err := tp.ReadLine()
	require.NoError(c.t, err)
	require.Equal(c.t, "HTTP/1.1 200 OK", status)
	head, err := tp.ReadMIMEHeader()
	require.NoError(c.t, err)
	require.Equal(c.t, []string{"chunked"}, head["Transfer-Encoding"])
	return head
}

// chunk reads one chunk as RFC 9112 (section 7.1) has it, without extensions;
// last is the chunk that ends the body properly.
func (c *client) chunk() (data []byte, last bool, err error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, false, err
	}
	size, ok := strings.CutSuffix(line, "\r\n")
	n, perr := strconv.ParseUint(size, 16, 32)
	if !ok || perr != nil || size != strconv.FormatUint(n, 16) {
		return nil, false, fmt.Errorf("bad chunk size %q", line)
	}
	data = make([]byte, n+2)
	if _, err := io.ReadFull(c.r, data); err != nil {
		return nil, false, err
	}
	if string(data[n:]) != "\r\n" {
		return nil, false, fmt.Errorf("chunk ends in %q", data[n:])
	}
	return data[:n], n == 0, nil
}

// rest reads to the proper end of the body and returns what was in it.
func (c *client) rest() string {
	c.t.Helper()
	var body strings.Builder
	for {
		data, last, err := c.chunk()
		require.NoError(c.t, err, "after %d bytes of the body", body.Len())
		if last {
			return body.String()
		}
		body.Write(data)
	}
}

// expect reads until the body so far is what is wanted.
func (c *client) expect(want string) {
	c.t.Helper()
	var got strings.Builder
	for got.Len() < len(want) {
		data, last, err := c.chunk()
		require.NoError(c.t, err)
		require.False(c.t, last, "ended after %q", got.String())
		got.Write(data)
		require.True(c.t, strings.HasPrefix(want, got.String()), "got %q", got.String())
	}
}

// http2 asks for a stream by HTTP/2 in clear text, with prior knowledge.
func http2(ctx context.Context, t *testing.T, addr string) *http.Response {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr, nil)
	require.NoError(t, err)
	resp, err := (&http.Client{Transport: tr, Timeout: 3 * patience}).Do(r)
	require.NoError(t, err)
	return resp
}
