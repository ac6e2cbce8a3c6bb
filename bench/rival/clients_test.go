package rival

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// marker is in every event's data, and nowhere else in a stream.
const marker = `"pad":"`

// Clients come a few at a time, from so many addresses that none runs out of
// ports.
const (
	window       = 200
	perAddress   = 5000
	dialTimeout  = 30 * time.Second
	firstAddress = 2 // 127.0.0.2
)

// clients is a process of its own that holds streams of any server that speaks
// Server-Sent Events. It takes nothing apart: it counts lines with the marker.
type clients struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startPool opens n streams on a server and returns when each listens. %d in channel
// stands for the client's number.
func startPool(b *testing.B, n int, s *server, channel string) *clients {
	b.Helper()
	self, err := os.Executable()
	require.NoError(b, err)
	c := &clients{cmd: exec.CommandContext(b.Context(), self, "clients", strconv.Itoa(n), s.address, s.target+channel+s.end, s.ready)}
	c.cmd.Stderr = os.Stderr
	c.in, err = c.cmd.StdinPipe()
	require.NoError(b, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(b, err)
	c.out = bufio.NewScanner(out)
	require.NoError(b, c.cmd.Start())
	require.True(b, c.out.Scan(), "the clients did not get their streams")
	require.Equal(b, "live", c.out.Text())
	return c
}

// events is how many have come to all clients together.
func (c *clients) events(b *testing.B) int64 {
	b.Helper()
	_, err := fmt.Fprintln(c.in)
	require.NoError(b, err)
	require.True(b, c.out.Scan(), "a stream ended")
	n, err := strconv.ParseInt(c.out.Text(), 10, 64)
	require.NoError(b, err)
	return n
}

// await returns when n events have come in all.
func (c *clients) await(b *testing.B, s *server, n int64) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); c.events(b) < n; {
		require.True(b, time.Now().Before(deadline), "%s: %d events of %d have come", s.name, c.events(b), n)
		<-time.After(20 * time.Millisecond)
	}
}

// leave closes the streams.
func (c *clients) leave(b *testing.B) {
	b.Helper()
	require.NoError(b, c.in.Close())
	require.NoError(b, c.cmd.Wait())
}

// playClients is the other process. It ends with its input, or with a stream.
func playClients(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 4 {
		return errors.New("clients: number, address, target and first line are needed")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("clients: %w", err)
	}
	var count atomic.Int64
	var coming sync.WaitGroup
	coming.Add(n)
	places := make(chan struct{}, window)
	ended := make(chan error, n)
	for i := range n {
		target := strings.ReplaceAll(args[2], "%d", strconv.Itoa(i))
		go func() {
			places <- struct{}{}
			ended <- listen(i, args[1], target, args[3], &count, func() { <-places; coming.Done() })
		}()
	}
	live := make(chan struct{})
	go func() { coming.Wait(); close(live) }()
	select {
	case <-live:
	case err := <-ended:
		return err
	}
	if _, err := fmt.Fprintln(out, "live"); err != nil {
		return err
	}
	asked := make(chan bool)
	go func() {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			asked <- true
		}
		asked <- false
	}()
	for {
		select {
		case err := <-ended:
			return err
		case more := <-asked:
			if !more {
				return nil
			}
			if _, err := fmt.Fprintln(out, count.Load()); err != nil {
				return err
			}
		}
	}
}

// listen holds one stream. live is called after the line that says so.
func listen(i int, address, target, ready string, count *atomic.Int64, live func()) error {
	dialer := net.Dialer{
		Timeout:   dialTimeout,
		LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(firstAddress+i/perAddress))},
	}
	nc, err := dialer.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return fmt.Errorf("stream %d: %w", i, err)
	}
	defer nc.Close()
	if _, err := fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", target, address); err != nil {
		return fmt.Errorf("stream %d: %w", i, err)
	}
	r := bufio.NewReaderSize(nc, 2048)
	status, err := r.ReadString('\n')
	if err != nil || !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return fmt.Errorf("stream %d: %q: %w", i, status, errors.Join(err, errRefused))
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		switch {
		case bytes.Contains(line, []byte(marker)):
			count.Add(1)
		case live != nil && bytes.HasPrefix(line, []byte(ready)):
			live()
			live = nil
		}
	}
}

var errRefused = errors.New("no stream")
