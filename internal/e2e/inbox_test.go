package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// device is somebody's stream on one gateway, and all that it said.
type device struct {
	mu    sync.Mutex
	heard []sse.Block
}

func (d *device) blocks(kind string) (data []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.heard {
		if b.Event == kind {
			data = append(data, b.Data)
		}
	}
	return data
}

func (f *fleet) device(t *testing.T, sub string, gateway int) *device {
	t.Helper()
	signed, err := token(sub)
	require.NoError(t, err)
	d := new(device)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		c := sse.Client{Token: signed, OnBlock: func(b sse.Block) bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.heard = append(d.heard, b)
			return true
		}}
		_ = c.Connect(ctx, f.gateways[gateway].url) // until the test ends it
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	require.Eventually(t, func() bool { return len(d.blocks("bellhop.ready")) == 1 }, inboxPatience, time.Millisecond)
	return d
}

const inboxPatience = 30 * time.Second

// change posts to an inbox by a gateway, and returns when that was answered.
func (f *fleet) change(t *testing.T, sub string, gateway int, path, body string) time.Time {
	t.Helper()
	signed, err := token(sub)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.gateways[gateway].url+"/v1/inbox/"+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+signed)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	return time.Now()
}

// TestReadOnOneDeviceShowsOnTheOthers: what is read by one gateway is told to the
// streams of another, by the bus and, while Redis is away, by the log's tail.
func TestReadOnOneDeviceShowsOnTheOthers(t *testing.T) {
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			f := newFleet(t, testenv.MySQL(t, engine), 2)
			const mina = event.Channel("user:mina")
			for range 3 {
				f.publish(t, mina, `1`)
			}
			here, there := f.device(t, "mina", 0), f.device(t, "mina", 1)
			require.Equal(t, []string{`{"unread":3,"head":3}`}, there.blocks("bellhop.ready"))
			// While the bus is in doubt the log is asked for heads too: such an answer
			// may come before the tail, and says how it stands, but not what happened.
			// A gateway begins in doubt, a slow machine may put it in doubt again, and what
			// it asked then may be answered a little later.
			killed, last := false, time.Now()
			require.Eventually(t, func() bool {
				if doubt, _ := f.inDoubt(); doubt {
					last = time.Now()
				}
				return time.Since(last) > time.Second
			}, inboxPatience, time.Millisecond)
			_, before := f.inDoubt()
			tell := func(how string, n int, path, body, what, stands string) {
				at := f.change(t, "mina", 0, path, body)
				devices := []*device{here, there}
				for _, d := range devices {
					require.Eventually(t, func() bool { return len(d.blocks("bellhop.read")) == n }, inboxPatience, time.Millisecond, how)
				}
				says := []string{`{"change":` + what + `,` + stands + `}`}
				if _, after := f.inDoubt(); killed || after > before {
					says = append(says, `{"change":"other","up_to":null,"seqs":null,`+stands+`}`)
				}
				for _, d := range devices {
					require.Contains(t, says, d.blocks("bellhop.read")[n-1], how)
				}
				t.Logf("%s: told %v after the answer", how, time.Since(at).Round(time.Millisecond))
			}
			tell("by the bus", 1, "read", `{"up_to":2}`, `"read","up_to":2,"seqs":null`, `"unread":1,"head":3`)
			f.redis.Kill()
			killed = true
			tell("by the tail", 2, "unread", `{"seqs":[1]}`, `"unread","up_to":null,"seqs":[1]`, `"unread":2,"head":3`)
			tell("by the tail", 3, "read", `{"seqs":[1,3]}`, `"read","up_to":null,"seqs":[1,3]`, `"unread":0,"head":3`)
			f.redis.Start()
			f.publish(t, mina, `1`)
			tell("by the bus again", 4, "read", `{"up_to":4}`, `"read","up_to":4,"seqs":null`, `"unread":0,"head":4`)
			third := f.device(t, "mina", 1)
			require.Equal(t, []string{`{"unread":0,"head":4}`}, third.blocks("bellhop.ready"))
		})
	}
}

// TestExpiryAndCollapseAreTold: an event whose time has come, and one that a newer
// one stands for, leave the count of every device.
func TestExpiryAndCollapseAreTold(t *testing.T) {
	f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 1)
	d := f.device(t, "omar", 0)
	publish := func(more string) {
		f.post(t, fmt.Sprintf(`{"channels":["user:omar"],"type":"note","data":1%s}`, more))
	}
	publish(`,"collapse_key":"post-7"`)
	publish(`,"collapse_key":"post-7"`)
	require.Eventually(t, func() bool { return len(d.blocks("bellhop.read")) == 1 }, inboxPatience, time.Millisecond)
	require.Equal(t, `{"change":"replaced","up_to":null,"seqs":[1],"unread":1,"head":2}`, d.blocks("bellhop.read")[0])
	publish(fmt.Sprintf(`,"expires_at":%q`, time.Now().Add(5*time.Second).UTC().Format(time.RFC3339Nano)))
	require.Eventually(t, func() bool { return len(d.blocks("bellhop.read")) == 2 }, inboxPatience, time.Millisecond)
	require.Equal(t, `{"change":"removed","up_to":null,"seqs":[3],"unread":1,"head":3}`, d.blocks("bellhop.read")[1])
	require.Len(t, d.blocks("note"), 3, "the stream had all of them")
}
