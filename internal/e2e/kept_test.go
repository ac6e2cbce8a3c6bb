package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const topic event.Channel = "topic:news"

// programs is two gateways and a notifier, as processes, with the built-in
// policies: topics are kept in Redis.
type programs struct {
	t        *testing.T
	primary  *testenv.TCPProxy
	redis    *testenv.RedisServer
	gateways [2]*testenv.Program
	notifier *testenv.Program
}

func runPrograms(t *testing.T) *programs {
	t.Helper()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	p := &programs{t: t, primary: testenv.Proxy(t, cluster.Primary.Addr), redis: testenv.Redis(t)}
	storage := []string{
		"BELLHOP_MYSQL_PRIMARY=" + cluster.Primary.DSNVia(p.primary.Addr, cluster.NewDatabase(t)),
		"BELLHOP_REDIS=" + p.redis.URL(),
	}
	p.notifier = testenv.Run(t, testenv.Build(t, "./cmd/notifier"), append(storage, "BELLHOP_SERVICE_KEYS=e2e="+serviceKey)...)
	for i := range p.gateways {
		p.gateways[i] = testenv.Run(t, testenv.Build(t, "./cmd/gateway"), append(storage, "BELLHOP_JWT_SECRET="+signingKey)...)
	}
	return p
}

// publish sends an event to topic and returns the answer's status and body.
func (p *programs) publish(data string) (status int, answer string) {
	p.t.Helper()
	body := `{"channels":["` + string(topic) + `"],"type":"note","data":` + data + `}`
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.notifier.URL+"/v1/events?online=true", strings.NewReader(body))
	require.NoError(p.t, err)
	req.Header.Set("Authorization", "Bearer "+serviceKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	var b strings.Builder // headers and body
	require.NoError(p.t, resp.Write(&b))
	return resp.StatusCode, b.String()
}

// reader is a client of topic and what it was sent.
type reader struct {
	t      *testing.T
	client sse.Client
	blocks chan sse.Block
}

// read opens a stream at a gateway, which ends with the test.
func (p *programs) read(gateway int, lastID string) *reader {
	r := &reader{t: p.t, blocks: make(chan sse.Block, 1000)}
	r.client = sse.Client{Channels: []event.Channel{topic}, NoInbox: true, LastID: lastID, OnBlock: func(b sse.Block) bool {
		r.blocks <- b
		return true
	}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.client.Connect(ctx, p.gateways[gateway].URL) // what it brings is what counts
	}()
	p.t.Cleanup(func() { cancel(); <-done })
	return r
}

// expect returns the next block, which must be of a type.
func (r *reader) expect(kind string) sse.Block {
	r.t.Helper()
	select {
	case b := <-r.blocks:
		require.Equal(r.t, kind, b.Event, b.Data)
		return b
	case <-time.After(time.Minute):
		require.Fail(r.t, "nothing came", "want %s", kind)
		return sse.Block{}
	}
}

// note expects an event with this data, and returns its id.
func (r *reader) note(data string) string {
	r.t.Helper()
	b := r.expect("note")
	require.Contains(r.t, b.Data, `"data":`+data+`}`)
	return b.ID
}

// TestKeptChannelsNeedNoDatabase: with the primary away topics are published,
// delivered, joined and listed as ever.
func TestKeptChannelsNeedNoDatabase(t *testing.T) {
	p := runPrograms(t)
	early := p.read(0, "")
	early.expect("bellhop.ready")
	p.primary.Refuse()
	status, answer := p.publish(`1`)
	require.Equal(t, http.StatusCreated, status, answer)
	require.Contains(t, answer, `"seq":1,"online":true`)
	early.note(`1`)
	late := p.read(1, "0")
	late.note(`1`)
	require.NotContains(t, late.expect("bellhop.ready").Data, "waiting")
	status, answer = p.publish(`2`)
	require.Equal(t, http.StatusCreated, status, answer)
	early.note(`2`)
	late.note(`2`)

	resp, err := http.Get(p.gateways[0].URL + "/v1/channels/" + string(topic) + "/events")
	require.NoError(t, err)
	defer resp.Body.Close()
	var list struct {
		Events []json.RawMessage `json:"events"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&list))
	require.Len(t, list.Events, 2)
}

// TestKeptChannelsAfterRedisLostThem: publishers are refused while Redis is away,
// who joins is told that the channel waits, and everybody is told of the reset.
func TestKeptChannelsAfterRedisLostThem(t *testing.T) {
	p := runPrograms(t)
	early := p.read(0, "")
	early.expect("bellhop.ready")
	for _, data := range []string{`1`, `2`, `3`} {
		status, answer := p.publish(data)
		require.Equal(t, http.StatusCreated, status, answer)
	}
	early.note(`1`)
	early.note(`2`)
	before := early.note(`3`)
	require.Regexp(t, `^3\.[a-z0-9]+@topic:news$`, before)

	p.redis.Kill()
	status, answer := p.publish(`4`)
	require.Equal(t, http.StatusServiceUnavailable, status, answer)
	require.Contains(t, answer, `"written":false`)
	require.Contains(t, answer, "Retry-After")
	late := p.read(1, before)
	ready := late.expect("bellhop.ready")
	require.Contains(t, ready.Data, `"waiting":["topic:news"]`)
	require.Equal(t, before, ready.ID, "it keeps its place")

	p.redis.Start() // empty
	require.Eventually(t, func() bool {
		status, answer = p.publish(`5`)
		return status == http.StatusCreated
	}, time.Minute, 100*time.Millisecond)
	require.Contains(t, answer, `"seq":1`)
	for _, r := range []*reader{early, late} {
		b := r.next(t, "bellhop.ready")
		require.Equal(t, "bellhop.reset", b.Event)
		require.Contains(t, b.Data, `"channel":"topic:news"`)
	}
	// What was published before it was told of the reset it is to fetch.
	status, answer = p.publish(`6`)
	require.Equal(t, http.StatusCreated, status, answer)
	for _, r := range []*reader{early, late} {
		b := r.next(t, "bellhop.ready")
		if strings.Contains(b.Data, `"seq":1`) {
			b = r.next(t, "bellhop.ready")
		}
		require.Contains(t, b.Data, `"seq":2`)
		require.NotEqual(t, before[1:], b.ID[1:], "another epoch")
		require.Regexp(t, `^2\.[a-z0-9]+@topic:news$`, b.ID)
	}
}

// next returns the next block that is of no type to pass over.
func (r *reader) next(t *testing.T, pass string) sse.Block {
	t.Helper()
	for {
		select {
		case b := <-r.blocks:
			if b.Event != pass {
				return b
			}
		case <-time.After(time.Minute):
			require.Fail(t, "nothing came")
		}
	}
}
