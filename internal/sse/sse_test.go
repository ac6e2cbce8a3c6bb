package sse_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReader(t *testing.T) {
	t.Parallel()
	r := sse.NewReader(strings.NewReader(": hi\n\nevent: a\ndata: {}\nretry: 1500\nid: 1\n\ndata: x"))
	b, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, sse.Block{Comment: "hi"}, b)
	b, err = r.Next()
	require.NoError(t, err)
	require.Equal(t, sse.Block{Event: "a", Data: "{}", ID: "1", Retry: 1500 * time.Millisecond}, b)
	_, err = r.Next()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = r.Next()
	require.ErrorIs(t, err, io.EOF)
	_, err = sse.NewReader(strings.NewReader("data: {}\nid: 1\n")).Next()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the empty line is missing")
}

func TestReaderIsStrict(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"\n", "data\n\n", "data: a\rb\n\n", "id: 1\ndata: {}\n\n", "data: 1\ndata: 2\n\n", "foo: 1\n\n", "retry: x\n\n", "data: \xff\n\n", ": a\ndata: 1\n\n"} {
		_, err := sse.NewReader(strings.NewReader(s)).Next()
		require.ErrorIs(t, err, sse.ErrBlock, "%q", s)
	}
}

func TestClientComesBackWithItsID(t *testing.T) {
	t.Parallel()
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Last-Event-ID"))
		if len(asked) > 2 {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, ": hi\n\ndata: {}\nid: 7.e@user:1\n\ndata: {}\nid: 8.e@user:1\n\n")
	}))
	defer srv.Close()
	blocks := 0
	c := sse.Client{HTTP: srv.Client(), Token: "t", Channels: []event.Channel{"raffle:1"}, NoInbox: true, OnBlock: func(sse.Block) bool {
		blocks++
		return blocks != 3
	}}
	require.NoError(t, c.Connect(context.Background(), srv.URL))
	require.NoError(t, c.Connect(context.Background(), srv.URL))
	require.ErrorIs(t, c.Connect(context.Background(), srv.URL), sse.ErrStatus)
	const query = "channel=raffle%3A1&inbox=false Bearer t "
	require.Equal(t, []string{query, query + "8.e@user:1", query + "7.e@user:1"}, asked)
}
