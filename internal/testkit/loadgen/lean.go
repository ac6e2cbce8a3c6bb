package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/internal/wait"
)

// Lean posts over connections that do as little as HTTP/1.1 allows, so that the
// machine is the server's. It knows only answers with a Content-Length.
type Lean struct {
	URL, Path, Key string
	// Body is what the nth post says.
	Body func(n int64) string
	// Want is the status of a good answer.
	Want int
	// Conns is how many posts are under way at most.
	Conns int
	// Rate is posts a second; 0: as many as are answered.
	Rate     float64
	Duration time.Duration
}

// Publish posts for the duration and returns when all is answered. The first error
// ends its connection.
func (l Lean) Publish(ctx context.Context) Published {
	u, err := url.Parse(l.URL)
	if err != nil {
		return Published{Failed: 1, Error: err.Error()}
	}
	var result Published
	var mu sync.Mutex
	var next atomic.Int64
	var posting sync.WaitGroup
	began := time.Now()
	for range l.Conns {
		posting.Go(func() {
			mine, err := l.post(ctx, u.Host, began, &next)
			mu.Lock()
			defer mu.Unlock()
			result.Posts += mine.Count()
			result.Commit.Merge(mine)
			if err != nil {
				result.Posts++
				result.Failed++
				result.Error = err.Error()
			}
		})
	}
	posting.Wait()
	return result
}

// post uses one connection for as long as it is time. Latencies are from the moment
// a post was due, as Traffic's.
func (l Lean) post(ctx context.Context, host string, began time.Time, next *atomic.Int64) (took Histogram, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return took, err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var out []byte
	for {
		n := next.Add(1) - 1
		due := time.Now()
		if l.Rate > 0 {
			due = began.Add(time.Duration(float64(n) / l.Rate * float64(time.Second)))
		}
		if due.Sub(began) >= l.Duration || !wait.For(ctx, time.Until(due)) {
			return took, nil
		}
		body := l.Body(n)
		out = fmt.Appendf(out[:0], "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			l.Path, host, l.Key, len(body), body)
		if _, err := conn.Write(out); err != nil {
			return took, err
		}
		if err := l.answer(in); err != nil {
			return took, err
		}
		took.Add(time.Since(due))
	}
}

func (l Lean) answer(in *bufio.Reader) error {
	length, status, chunked := -1, "", false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if status == "" {
			status = string(line)
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) { // as net/http spells them
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		case "Transfer-Encoding":
			chunked = true
		}
	}
	if !chunked && length < 0 || !strings.HasPrefix(status, "HTTP/1.1 "+strconv.Itoa(l.Want)) {
		return fmt.Errorf("%s: %s, %d bytes", l.Path, status, length)
	}
	if !chunked {
		_, err := in.Discard(length)
		return err
	}
	if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(in)); err != nil {
		return err
	}
	_, err := in.ReadSlice('\n') // after the last chunk
	return err
}
