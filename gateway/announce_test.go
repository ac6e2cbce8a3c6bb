package gateway_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway"
)

// publisher is a bus that a test has fail.
type publisher func(context.Context, []fanout.Message) error

func (p publisher) Publish(ctx context.Context, messages []fanout.Message) ([]int, error) {
	return make([]int, len(messages)), p(ctx, messages)
}

// Nobody waits for the bus, and what it loses the tail brings.
func TestInboxChangesWithoutTheBus(t *testing.T) {
	t.Parallel()
	for name, bus := range map[string]fanout.Publisher{
		"hangs":        publisher(func(ctx context.Context, _ []fanout.Message) error { <-ctx.Done(); return ctx.Err() }),
		"fails":        publisher(func(context.Context, []fanout.Message) error { return errors.New("the bus is away") }),
		"is not there": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged syncBuffer
			r := newRig(t, func(c *gateway.Config) {
				c.Bus = bus
				c.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			})
			mina := bearer(token(t, "mina"))
			r.publish("user:mina", `1`)
			s := r.stream("/v1/stream", mina).greeted()
			s.expect("bellhop.ready")
			for range 5 {
				require.Equal(t, "0/1", r.ask(http.MethodPost, "/v1/inbox/read", `{"up_to":1}`, mina).String())
				require.Equal(t, "1/1", r.ask(http.MethodPost, "/v1/inbox/unread", `{"seqs":[1]}`, mina).String())
			}
			require.Equal(t, "0/1", r.ask(http.MethodPost, "/v1/inbox/read", `{"seqs":[1]}`, mina).String())
			for last := ""; !strings.Contains(last, `"unread":0,`); {
				last = s.expect("bellhop.read").data
			}
			if bus != nil {
				require.Eventually(t, func() bool { return strings.Contains(logged.String(), "can't be announced") }, patience, time.Millisecond)
				require.Equal(t, 1, strings.Count(logged.String(), "can't be announced"), "it is said once")
			}
			s.leave()
		})
	}
}

// Several changes travel in one pipeline when the bus is slow.
func TestInboxChangesAreAnnouncedTogether(t *testing.T) {
	t.Parallel()
	turn, batches := make(chan struct{}), make(chan int, 20)
	r := newRig(t, func(c *gateway.Config) {
		c.Bus = publisher(func(ctx context.Context, messages []fanout.Message) error {
			batches <- len(messages)
			select {
			case <-turn:
			case <-ctx.Done():
			}
			return nil
		})
	})
	mina := bearer(token(t, "mina"))
	for range 4 {
		r.publish("user:mina", `1`)
	}
	r.ask(http.MethodPost, "/v1/inbox/read", `{"seqs":[1]}`, mina)
	require.Equal(t, 1, <-batches)
	for _, body := range []string{`{"seqs":[2]}`, `{"seqs":[2]}`, `{"seqs":[3]}`, `{"up_to":4}`} {
		r.ask(http.MethodPost, "/v1/inbox/read", body, mina)
	}
	close(turn)
	total := 0
	for total < 3 {
		total += <-batches
	}
	require.Equal(t, 3, total, "a change that changed nothing is not announced")
}
