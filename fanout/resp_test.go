package fanout

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

func readerOf(r io.Reader, most int) *pushReader {
	return &pushReader{in: bufio.NewReaderSize(r, 32<<10), most: most}
}

// said is a push with what belongs to it, as it was when it was read.
type said struct {
	kind          pushKind
	name, payload string
}

func readAll(r *pushReader) (all []said, err error) {
	for {
		p, err := r.next()
		if err != nil {
			return all, err
		}
		all = append(all, said{p.kind, string(p.name), string(p.payload)})
	}
}

// TestPushesAreRead in both versions of the protocol, whole and in single bytes.
func TestPushesAreRead(t *testing.T) {
	t.Parallel()
	text := strings.Join([]string{
		"+PONG\r\n",
		"$4\r\nmark\r\n",
		"*3\r\n$9\r\nsubscribe\r\n$3\r\na:b\r\n:1\r\n",
		"*3\r\n$7\r\nmessage\r\n$3\r\na:b\r\n$6\r\nx\r\n\x00yz\r\n",
		"*2\r\n$4\r\npong\r\n$0\r\n\r\n",
		">3\r\n$7\r\nmessage\r\n$5\r\nlong!\r\n$0\r\n\r\n",
		">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nb\r\n",
		">3\r\n+moving\r\n:1\r\n_\r\n",
		":7\r\n",
		"*-1\r\n",
		"*0\r\n",
		">3\r\n$11\r\nunsubscribe\r\n$3\r\na:b\r\n:0\r\n",
		"*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n",
		"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$20\r\ntwenty bytes of this\r\n",
		">3\r\n$7\r\nmessage\r\n$1\r\nd\r\n$1\r\n.\r\n",
	}, "")
	want := []said{
		{}, {},
		{pushSubscribed, "a:b", ""},
		{pushMessage, "a:b", "x\r\n\x00yz"},
		{},
		{pushMessage, "long!", ""},
		{}, {}, {}, {}, {},
		{pushUnsubscribed, "a:b", ""},
		{pushUnsubscribed, "", ""},
		{pushMessage, "c", ""}, // longer than is taken
		{pushMessage, "d", "."},
	}
	for name, in := range map[string]io.Reader{
		"whole": strings.NewReader(text), "in bytes": iotest.OneByteReader(strings.NewReader(text)),
	} {
		got, err := readAll(readerOf(in, 19))
		require.ErrorIs(t, err, io.EOF, name)
		require.Equal(t, want, got, name)
	}
}

func TestTornPushesAreErrors(t *testing.T) {
	t.Parallel()
	whole := "*3\r\n$7\r\nmessage\r\n$3\r\na:b\r\n$6\r\npieces\r\n"
	for n := 1; n < len(whole); n++ {
		got, err := readAll(readerOf(strings.NewReader(whole[:n]), 100))
		require.Error(t, err)
		require.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), "%d bytes: %v", n, err)
		require.Empty(t, got)
	}
}

func TestUnreadableRepliesAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no sign":           "hello\r\n",
		"empty line":        "\r\n",
		"no return":         "+OK\n",
		"long line":         "+" + strings.Repeat("x", maxLine) + "\r\n",
		"longer line":       "+" + strings.Repeat("x", 64<<10),
		"no length":         "*x\r\n",
		"negative length":   "*-2\r\n",
		"immense length":    "$99999999999\r\n",
		"string runs on":    "$2\r\nabcd\r\n",
		"message runs on":   "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nabc\r\n",
		"list in a list":    "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
		"push in a push":    ">1\r\n>1\r\n:1\r\n",
		"attributes":        "|1\r\n+ttl\r\n:3600\r\n:7\r\n",
		"map in a push":     ">2\r\n+invalidate\r\n%1\r\n+a\r\n_\r\n",
		"unknown within":    "*2\r\n$1\r\na\r\n?\r\n",
		"count of no kind":  "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n??\r\n",
		"an end that isn't": "$1\r\na\n\r\n",
	} {
		got, err := readAll(readerOf(strings.NewReader(text), 100))
		require.ErrorIs(t, err, errReply, name)
		require.Empty(t, got, name)
	}
	_, err := readAll(readerOf(strings.NewReader("-NOPERM no permissions\r\n"), 100))
	require.ErrorContains(t, err, "NOPERM no permissions")
}

// TestPushesTakeOneAllocation: what a message brings, and nothing else.
func TestPushesTakeOneAllocation(t *testing.T) {
	message := "*3\r\n$7\r\nmessage\r\n$15\r\nbellhop:user:42\r\n$300\r\n" + strings.Repeat("x", 300) + "\r\n"
	const runs = 200
	r := readerOf(strings.NewReader(strings.Repeat(message, runs+2)), 1000)
	_, err := r.next() // makes room for names
	require.NoError(t, err)
	require.LessOrEqual(t, testing.AllocsPerRun(runs, func() {
		if _, err := r.next(); err != nil {
			t.Fatal(err)
		}
	}), 1.0)
}

func TestSilenceEndsARead(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	t.Cleanup(func() {
		require.NoError(t, here.Close())
		require.NoError(t, there.Close())
	})
	_, err := newPushReader(here, 10*time.Millisecond, 100).next()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestCommandsAreRendered(t *testing.T) {
	t.Parallel()
	require.Equal(t, "*1\r\n$4\r\nPING\r\n*3\r\n$9\r\nSUBSCRIBE\r\n$0\r\n\r\n$12\r\ntwo\r\nlines\r\n\r\n",
		string(appendCommand(appendCommand(nil, "PING"), "SUBSCRIBE", "", "two\r\nlines\r\n")))
}

//fuzz:least 800
func FuzzPushes(f *testing.F) {
	f.Add("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n+PONG\r\n")
	f.Add(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
	f.Add("|1\r\n+a\r\n%1\r\n:1\r\n_\r\n*-1\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readAll(readerOf(strings.NewReader(text), 16))
		require.Error(t, err, "it ends")
		for _, s := range got {
			require.LessOrEqual(t, len(s.payload), 16)
			require.LessOrEqual(t, len(s.name), maxLine)
		}
	})
}

// TestMovedSlotIsToldAndOtherErrorsEndTheConnection: of the error of one slot the
// others need not know.
func TestMovedSlotIsToldAndOtherErrorsEndTheConnection(t *testing.T) {
	t.Parallel()
	for reply, slot := range map[string]int{
		"-MOVED 3999 127.0.0.1:6381\r\n": 3999,
		"-MOVED 0 :6381\r\n":             0,
		"-MOVED 16384 127.0.0.1:1\r\n":   -1,
		"-MOVED x 127.0.0.1:1\r\n":       -1,
		"-CLUSTERDOWN Hash slot\r\n":     -1,
		"-CROSSSLOT Keys\r\n":            -1,
	} {
		p, err := readerOf(strings.NewReader(reply), 100).next()
		if slot < 0 {
			require.Error(t, err, reply)
			continue
		}
		require.NoError(t, err, reply)
		require.Equal(t, push{kind: pushMoved, slot: slot}, p)
	}
	p, err := readerOf(strings.NewReader(">3\r\n$8\r\nsmessage\r\n$3\r\nabc\r\n$2\r\nhi\r\n"), 100).next()
	require.NoError(t, err)
	require.Equal(t, push{kind: pushMessage, name: []byte("abc"), payload: []byte("hi")}, p)
}
