package fanout

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLinkKnowsItsConnection among others that go-redis dialled on the way to it.
func TestLinkKnowsItsConnection(t *testing.T) {
	t.Parallel()
	_, l := withLink(t.Context(), "mark")
	dialled := func() (*linked, net.Conn) {
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		t.Cleanup(func() {
			_ = here.Close()
			_ = there.Close()
		})
		return &linked{here, l}, here
	}
	sentinel, _ := dialled()
	server, conn := dialled()
	late, _ := dialled()
	for c, text := range map[*linked]string{sentinel: "who is the master?", late: "HELLO 3"} {
		_, err := io.WriteString(c, text)
		require.NoError(t, err)
	}
	_, err := io.WriteString(server, "*2\r\n$4\r\nping\r\n$4\r\nmark\r\n")
	require.NoError(t, err)
	_, err = io.WriteString(late, "HELLO 3")
	require.NoError(t, err)
	got, err := l.takeOver()
	require.NoError(t, err)
	require.Same(t, conn, got)

	ctx, l := withLink(t.Context(), "mark")
	_, err = l.takeOver()
	require.ErrorIs(t, err, errNoLink)
	_, err = dialer(nil, 0)(ctx, "tcp", "127.0.0.1:1")
	require.ErrorIs(t, err, errReconnect, "a link that was taken over is not dialled for")
}
