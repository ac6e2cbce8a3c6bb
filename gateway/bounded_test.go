package gateway_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/store"
)

// timedLog remembers how long it was given for each question.
type timedLog struct {
	*faultyLog
	mu    sync.Mutex
	given []time.Duration
}

func (l *timedLog) note(ctx context.Context) {
	end, bounded := ctx.Deadline()
	if !bounded {
		end = time.Now().Add(time.Hour)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given = append(l.given, time.Until(end))
}

func (l *timedLog) Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	l.note(ctx)
	return l.faultyLog.Ranges(ctx, ranges)
}

func (l *timedLog) ListInbox(ctx context.Context, ask store.InboxQuery) (store.InboxPage, error) {
	l.note(ctx)
	return l.faultyLog.ListInbox(ctx, ask)
}

func (l *timedLog) MarkRead(ctx context.Context, c event.Channel, upTo uint64) (store.InboxState, error) {
	l.note(ctx)
	return l.faultyLog.MarkRead(ctx, c, upTo)
}

// TestLogIsGivenSeconds and not all the time that a client is willing to wait.
func TestLogIsGivenSeconds(t *testing.T) {
	t.Parallel()
	l := new(timedLog)
	r := newRig(t, func(c *gateway.Config) {
		faulty, ok := c.Log.(*faultyLog)
		require.True(t, ok)
		l.faultyLog = faulty
		c.Log, c.Inbox = l, l
	})
	mina := bearer(token(t, "mina"))
	r.list("/v1/channels/user:mina/events", mina)
	r.ask(http.MethodGet, "/v1/inbox", "", mina)
	r.ask(http.MethodPost, "/v1/inbox/read", `{"up_to":1}`, mina)
	require.Len(t, l.given, 3)
	for _, d := range l.given {
		require.LessOrEqual(t, d, 10*time.Second)
	}
}
