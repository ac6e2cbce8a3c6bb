package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// Times of the rule that the fleet has.
const (
	escalateAfter  = 4 * time.Second
	escalateDigest = 2 * time.Second
	eventsEach     = 3
)

// product takes calls, and fails a third of them: half of those it has acted on all the
// same, and nobody who asks can know.
type product struct {
	*httptest.Server

	mu        sync.Mutex
	told      map[string]map[string]int // by event, by webhook-id: how often it was acted on
	byUser    map[string]map[string]bool
	clean     map[string]bool // calls that were acted on and answered
	ambiguous int             // answers that nobody got
	twice     int             // calls that were acted on again though they had been answered
}

func newProduct(t *testing.T) *product {
	t.Helper()
	p := &product{told: map[string]map[string]int{}, byUser: map[string]map[string]bool{}, clean: map[string]bool{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *product) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var call struct {
		Data struct {
			User   string
			Events []struct{ Seq uint64 }
		}
	}
	if err != nil || json.Unmarshal(body, &call) != nil {
		return
	}
	chance := rand.Float64()
	if chance < 1.0/6 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	p.act(r.Header.Get("Webhook-Id"), call.Data.User, chance < 2.0/6, func(do func(event string)) {
		for _, e := range call.Data.Events {
			do(fmt.Sprint(call.Data.User, " ", e.Seq))
		}
	})
	if chance < 2.0/6 {
		panic(http.ErrAbortHandler)
	}
}

func (p *product) act(id, user string, ambiguous bool, each func(func(string))) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clean[id] {
		p.twice++
	}
	each(func(event string) {
		if p.told[event] == nil {
			p.told[event] = map[string]int{}
		}
		p.told[event][id]++
	})
	if p.byUser[user] == nil {
		p.byUser[user] = map[string]bool{}
	}
	p.byUser[user][id] = true
	if ambiguous {
		p.ambiguous++
	} else {
		p.clean[id] = true
	}
}

// missing counts events of people that were not told.
func (p *product) missing(users []string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, user := range users {
		for seq := 1; seq <= eventsEach; seq++ {
			if len(p.told[fmt.Sprint(user, " ", seq)]) == 0 {
				n++
			}
		}
	}
	return n
}

// post asks the programs that are up, one after the other, until one answers well.
func (f *fleet) post(ctx context.Context, all []*testenv.Program, path, authorization, body string) error {
	err := errors.New("nobody is up")
	for ctx.Err() == nil {
		for _, url := range f.up(all) {
			var req *http.Request
			if req, err = http.NewRequestWithContext(ctx, http.MethodPost, url+path, bytes.NewBufferString(body)); err != nil {
				return err
			}
			req.Header.Set("Authorization", "Bearer "+authorization)
			req.Header.Set("Content-Type", "application/json")
			var resp *http.Response
			if resp, err = http.DefaultClient.Do(req); err != nil {
				continue
			}
			said, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode < 300 && !bytes.Contains(said, []byte(`"error"`)) {
				return nil
			}
			err = fmt.Errorf("%s: %s: %s", url, resp.Status, said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return err
}

// TestEscalationsOutliveFaults: with a product that fails a third of the calls, notifiers
// that are killed and a primary that is, each event that nobody reads is told; again only
// by the same webhook-id, and after an answer only if a notifier died; a person's events
// together; and nothing that was read before its time.
func TestEscalationsOutliveFaults(t *testing.T) {
	users := 45
	if *long {
		users = 1500
	}
	to := newProduct(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), 0o600))
	f := newFleet(t,
		fmt.Sprintf("  user: {access: owner, escalate: [{types: [note], after: %s, unless: [read, online], to: main, digest: %s}]}", escalateAfter, escalateDigest),
		"webhooks:", fmt.Sprintf("  main: {url: %q, secret_file: %q, allow_private: true}", to.URL, secret))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()

	var mu sync.Mutex
	var silent, inTime []string
	slowest := time.Duration(0) // from the first to the last event of one person
	one := func(i int) {
		user := fmt.Sprintf("u%d", i)
		events := make([]string, eventsEach)
		for n := range events {
			events[n] = fmt.Sprintf(`{"users":[%q],"type":"note","data":%d,"idempotency_key":"%s-%d"}`, user, n, user, n)
		}
		body := `{"events":[` + strings.Join(events, ",") + `]}`
		began := time.Now()
		if err := f.post(ctx, f.notifiers, "/v1/events/batch", serviceKey, body); err != nil {
			t.Errorf("publish: %v", err)
			return
		}
		took := time.Since(began)
		due := began.Add(escalateAfter)
		read := i%3 == 0
		if read {
			token, err := auth.SignToken(signingKey, auth.Claims{Subject: user, IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour)})
			if err != nil {
				t.Error(err)
				return
			}
			if i%2 == 0 { // at the last moment
				<-time.After(time.Until(due.Add(-500 * time.Millisecond)))
			}
			if err := f.post(ctx, f.gateways, "/v1/inbox/read", token, `{"up_to":100}`); err != nil {
				t.Errorf("read: %v", err)
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case !read:
			silent, slowest = append(silent, user), max(slowest, took)
		case time.Now().Before(due):
			inTime = append(inTime, user)
		} // else too late to say
	}
	var work sync.WaitGroup
	for w := range 15 {
		work.Go(func() {
			for i := w; i < users && ctx.Err() == nil; i += 15 {
				one(i)
			}
		})
	}
	kills := 0
	until := time.Now().Add(time.Minute)
	for kills < 2 || *long && time.Now().Before(until) {
		n := f.notifiers[kills%2]
		hold(some(5 * time.Second))
		f.kill(n)
		hold(some(time.Second))
		f.start(n)
		if kills++; kills == 2 {
			primaryKilled(f)
		}
	}
	work.Wait()
	require.Eventually(t, func() bool { return to.missing(silent) == 0 }, 4*time.Minute, 100*time.Millisecond, "each event is told")

	to.mu.Lock()
	defer to.mu.Unlock()
	again := 0
	for event, ids := range to.told {
		require.Len(t, ids, 1, "%s is told by one call alone", event)
		for _, n := range ids {
			again += n - 1
		}
	}
	for _, user := range inTime {
		require.Empty(t, to.byUser[user], "what was read in time is not told")
	}
	require.NotEmpty(t, inTime)
	most := int(slowest/escalateDigest) + 2
	for _, user := range silent {
		require.LessOrEqual(t, len(to.byUser[user]), most, "a digest")
	}
	const slots = 8 // under way from one notifier
	require.LessOrEqual(t, to.twice, slots*(kills+1), "after an answer only when a notifier died, or the primary was away")
	t.Logf("%d people, %d of them read in time; %d kills; %d ambiguous answers, %d events told again, %d calls again though answered",
		len(silent)+len(inTime), len(inTime), kills, to.ambiguous, again, to.twice)
}
