package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const opsKey = "an-operators-key-of-the-fleet"

// desk is where support sits: a notifier and two gateways on MariaDB and Redis.
type desk struct {
	house
	t        *testing.T
	server   *testenv.RedisServer
	log      *console
	notifier *Service
	gateways [2]*Service
	names    [2]string // of the gateways, as answers have them
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{house: newHouse(t), t: t, server: testenv.Redis(t), log: new(console)}
	d.redis = d.server.URL()
	environ := d.environ("BELLHOP_SERVICE_KEYS=forum="+fleetKey+",ops@admin="+opsKey, "BELLHOP_LOG_FORMAT=text")
	var cfg config.Notifier
	_, err := config.Parse(&cfg, nil, environ, io.Discard)
	require.NoError(t, err)
	d.notifier, err = NewNotifier(t.Context(), &cfg, cfg.Logger(d.log, slog.LevelInfo))
	require.NoError(t, err)
	run(t, d.notifier)
	for i := range d.gateways {
		d.gateways[i], _ = d.gateway(t)
		eventuallyReady(t, d.gateways[i])
	}
	eventuallyReady(t, d.notifier)
	require.Eventually(t, func() bool {
		processes := d.fleet().Processes
		for i, g := range d.gateways {
			_, port, _ := strings.Cut(g.public.Addr().String(), ":")
			for _, p := range processes {
				if strings.HasSuffix(p.Name, ":"+port) {
					d.names[i] = p.Name
				}
			}
		}
		return len(processes) == 3
	}, patience, tick)
	return d
}

// ask puts a question with the admin key and reads the answer into to.
func (d *desk) ask(method, path string, to any) int {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.notifier.URL()+path, http.NoBody)
	require.NoError(d.t, err)
	req.Header.Set("Authorization", "Bearer "+opsKey)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	if to != nil {
		require.NoError(d.t, json.NewDecoder(resp.Body).Decode(to))
	}
	return resp.StatusCode
}

type fleetAnswer struct {
	Processes []struct {
		Name, Role, Version string
		Load                struct {
			Streams    int
			BusInDoubt bool `json:"bus_in_doubt"`
		}
	}
	Silent []string
}

func (d *desk) fleet() (a fleetAnswer) {
	d.t.Helper()
	require.Equal(d.t, http.StatusOK, d.ask(http.MethodGet, "/v1/admin/fleet", &a))
	return a
}

type streamAnswer struct {
	Gateway, Person, Agent, Transport, Reason string
	Places                                    []struct {
		Channel   string
		Seq, Head uint64
	}
}

// at is how far a stream has come in its first channel.
func at(s streamAnswer) uint64 {
	if len(s.Places) == 0 {
		return 0
	}
	return s.Places[0].Seq
}

type storyAnswer struct {
	Outcome, Why string
	Event        *struct{ Data json.RawMessage }
	Accepted     []struct {
		Notifier, Service string
		RequestID         string `json:"request_id"`
		Announced         *time.Time
	}
	Handed []struct {
		Gateway, Via string
		Streams      int
		Came         time.Time
	}
	Read   *bool
	Reads  []struct{ Gateway string }
	Ended  []streamAnswer
	Silent []string
}

func (d *desk) story(channel string, seq uint64) (a storyAnswer) {
	d.t.Helper()
	require.Equal(d.t, http.StatusOK, d.ask(http.MethodGet, "/v1/admin/channels/"+channel+"/events/"+strconv.FormatUint(seq, 10), &a))
	return a
}

// publish has the forum publish, and returns the seq.
func (d *desk) publish(body string, header ...string) uint64 {
	d.t.Helper()
	status, answer := post(d.t, d.notifier.URL()+"/v1/events", body, append(header, "Authorization", "Bearer "+fleetKey)...)
	require.Equal(d.t, http.StatusCreated, status, answer)
	var a struct{ Events []struct{ Seq uint64 } }
	require.NoError(d.t, json.Unmarshal([]byte(answer), &a))
	return a.Events[0].Seq
}

// listen opens a stream at a gateway, and returns what cuts its connection.
func (d *desk) listen(gateway int, query, person string) (cut func()) {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.gateways[gateway].URL()+"/v1/stream"+query, http.NoBody)
	require.NoError(d.t, err)
	if person != "" {
		req.Header.Set("Authorization", bearer(d.t, person))
	}
	req.Header.Set("User-Agent", "support-test")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(d.t, err)
	got, done := new(console), make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(got, resp.Body); _ = resp.Body.Close() }()
	d.t.Cleanup(func() { cancel(); <-done })
	require.Eventually(d.t, func() bool { return strings.Contains(got.String(), "bellhop.ready") }, patience, tick)
	return cancel
}

// TestSupportCase is what support is asked: 42 did not get it. Each of the answers is right.
func TestSupportCase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	outcome := func(want, channel string, seq uint64) (a storyAnswer) {
		t.Helper()
		require.Eventually(t, func() bool {
			a = d.story(channel, seq)
			return a.Outcome == want && len(a.Silent) == 0
		}, patience, tick, "want %s", want)
		return a
	}
	const note = `{"users":["42"],"type":"comment","data":{"secret":"mina"}}`

	// No stream was open.
	seq := d.publish(note, "X-Request-Id", "the-request")
	a := outcome("no_stream", "user:42", seq)
	require.Nil(t, a.Event.Data, "only where it is asked for")
	require.Len(t, a.Accepted, 1)
	require.Equal(t, "forum", a.Accepted[0].Service)
	require.Equal(t, "the-request", a.Accepted[0].RequestID)
	require.Eventually(t, func() bool { return d.story("user:42", seq).Accepted[0].Announced != nil }, patience, tick)

	// It was never accepted.
	require.Empty(t, outcome("never_accepted", "user:42", seq+1).Accepted)

	// The second gateway handed it over.
	cut := d.listen(1, "", "42")
	before := time.Now()
	seq = d.publish(note)
	a = outcome("handed_over", "user:42", seq)
	require.Equal(t, d.names[1], a.Handed[0].Gateway)
	require.Equal(t, 1, a.Handed[0].Streams)
	require.WithinRange(t, a.Handed[0].Came, before, time.Now())
	require.Contains(t, a.Why, d.names[1])

	// The connection was lost before.
	cut()
	require.Eventually(t, func() bool {
		f := d.fleet()
		for _, p := range f.Processes {
			if p.Load.Streams > 0 {
				return false
			}
		}
		return len(f.Processes) == 3
	}, patience, tick)
	seq = d.publish(note)
	a = outcome("stream_ended", "user:42", seq)
	require.Equal(t, "client", a.Ended[0].Reason)
	require.Equal(t, d.names[1], a.Ended[0].Gateway)
	require.Equal(t, seq-1, a.Ended[0].Places[0].Seq)

	// It was read on another device.
	status, answer := post(t, d.gateways[0].URL()+"/v1/inbox/read", `{"seqs":[`+strconv.FormatUint(seq, 10)+`]}`, "Authorization", bearer(t, "42"))
	require.Equal(t, http.StatusOK, status, answer)
	a = outcome("read", "user:42", seq)
	require.True(t, *a.Read)
	require.Equal(t, d.names[0], a.Reads[0].Gateway)
	require.False(t, *d.story("user:42", seq-1).Read, "no other was")

	// Retention took it away, or an administrator did.
	require.Equal(t, http.StatusNoContent, d.ask(http.MethodDelete, "/v1/channels/user:42", nil))
	outcome("handed_over", "user:42", seq-1) // that is known all the same
	outcome("gone", "user:42", 1)

	// The policy has newer events stand for it.
	d.listen(0, "?channel=raffle:1", "")
	odds := strings.Repeat(`{"channels":["raffle:1"],"type":"odds","data":1},`, 20)
	status, answer = post(t, d.notifier.URL()+"/v1/events/batch", `{"events":[`+strings.TrimSuffix(odds, ",")+`]}`, "Authorization", "Bearer "+fleetKey)
	require.Equal(t, http.StatusOK, status, answer)
	outcome("handed_over", "raffle:1", 20)
	passed := 0
	for seq := uint64(1); seq <= 20; seq++ {
		require.Eventually(t, func() bool { a = d.story("raffle:1", seq); return len(a.Silent) == 0 }, patience, tick)
		if a.Outcome == "passed_over" {
			require.Contains(t, a.Why, "conflates")
			passed++
		} else {
			require.Equal(t, "handed_over", a.Outcome)
		}
	}
	require.Positive(t, passed)
}

// TestFleetAnswers: about persons and channels, and who does not answer is named: one that
// hangs, and one of a version that does not know the question.
func TestFleetAnswers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.listen(0, "?channel=topic:a", "Jane Doe")
	d.listen(1, "", "Jane Doe")
	d.publish(`{"users":["Jane Doe"],"type":"comment","data":{"secret":"mina"}}`)
	type person struct {
		Streams      []streamAnswer
		Unread, Head uint64
		Channel      string
		Revocation   *struct{ At, Until time.Time }
		Silent       []string
		MaxStreams   int `json:"max_streams"`
	}
	jane := func() (p person) {
		t.Helper()
		require.Equal(t, http.StatusOK, d.ask(http.MethodGet, "/v1/admin/users/Jane%20Doe", &p))
		return p
	}
	var p person
	require.Eventually(t, func() bool {
		p = jane()
		return len(p.Silent) == 0 && len(p.Streams) == 2 && at(p.Streams[0]) == 1 && at(p.Streams[1]) == 1
	}, patience, tick)
	require.Equal(t, "user:~SmFuZSBEb2U", p.Channel)
	require.Equal(t, []uint64{1, 1}, []uint64{p.Unread, p.Head})
	require.Equal(t, 32, p.MaxStreams)
	require.Nil(t, p.Revocation)
	require.Equal(t, "support-test", p.Streams[0].Agent)
	require.Equal(t, "stream", p.Streams[0].Transport)
	require.NotEqual(t, p.Streams[0].Gateway, p.Streams[1].Gateway)

	var ch struct {
		Held []struct {
			Gateway   string
			Listeners int
		}
		Events []struct {
			Type string
			Data json.RawMessage
		}
		Policy struct{ Access string }
	}
	require.Eventually(t, func() bool {
		ch.Held = nil
		return d.ask(http.MethodGet, "/v1/admin/channels/"+p.Channel, &ch) == http.StatusOK && len(ch.Held) == 2
	}, patience, tick)
	require.Equal(t, "owner", ch.Policy.Access)
	require.Nil(t, ch.Events[0].Data)
	require.Equal(t, http.StatusOK, d.ask(http.MethodGet, "/v1/admin/channels/"+p.Channel+"?data=true", &ch))
	require.JSONEq(t, `{"secret":"mina"}`, string(ch.Events[0].Data))

	// Locked out, and let in again.
	status, answer := post(t, d.notifier.URL()+"/v1/admin/disconnect", `{"user":"Jane Doe"}`, "Authorization", "Bearer "+opsKey)
	require.Equal(t, http.StatusNoContent, status, answer)
	require.Eventually(t, func() bool { p = jane(); return len(p.Streams)+len(p.Silent) == 0 }, patience, tick)
	require.NotNil(t, p.Revocation)
	require.Equal(t, http.StatusNoContent, d.ask(http.MethodDelete, "/v1/admin/users/Jane%20Doe/revocation", nil))
	require.Nil(t, jane().Revocation)
	for i := range d.gateways {
		require.Eventually(t, func() bool {
			status, _ := post(t, d.gateways[i].URL()+"/v1/session", "", "Authorization", bearer(t, "Jane Doe"))
			return status == http.StatusNoContent
		}, patience, tick)
	}

	// Each call has a line, without the key; so has one that was refused.
	status, _ = post(t, d.notifier.URL()+"/v1/admin/disconnect", `{"user":"42"}`, "Authorization", "Bearer "+fleetKey)
	require.Equal(t, http.StatusForbidden, status)
	for _, line := range []string{
		`operation=disconnect-user on="Jane Doe" service=ops remote=127.0.0.1:`, `operation=lift-revocation on="Jane Doe" service=ops remote=127.0.0.1:`,
		`operation=show-channel on=user:~SmFuZSBEb2U service=ops`, `operation=disconnect-user on="" service=forum remote=127.0.0.1:`,
	} {
		require.Contains(t, d.log.String(), line)
	}
	testenv.NoSecrets(t, "the log", d.log.String())

	// Who is silent is named.
	hangs, _, _ := launch(t, "gateway", nil, d.environ("BELLHOP_LOG_FORMAT=text"))
	require.Eventually(t, func() bool { return len(d.fleet().Processes) == 4 }, patience, tick)
	require.NoError(t, hangs.Process.Signal(syscall.SIGSTOP))
	require.Eventually(t, func() bool { return len(jane().Silent) == 1 }, patience, tick)
	require.NoError(t, hangs.Process.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool { return len(jane().Silent) == 0 }, patience, tick)
	options, err := redis.ParseURL(d.redis)
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	old := limit.NewRedis(client, limit.RedisConfig{ID: "the-old-one"}) // counts streams as all do
	require.Eventually(t, func() bool {
		silent := d.fleet().Silent
		return len(silent) == 1 && strings.Contains(silent[0], "the-old-one")
	}, patience, tick)
	require.NoError(t, old.Close())

	// With Redis away there is an answer, and it says so.
	d.server.Freeze()
	require.Eventually(t, func() bool {
		f := d.fleet()
		return len(f.Processes) == 1 && f.Processes[0].Load.BusInDoubt && len(f.Silent) >= 3
	}, patience, tick)
	require.Len(t, jane().Silent, 4, "two gateways, the one that hung, and what Redis does not say")
	d.server.Thaw()
	require.Eventually(t, func() bool { return len(d.fleet().Processes) == 4 }, patience, tick)
}
