package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/internal/wait"
)

// Traffic is what is published.
type Traffic struct {
	// Notifiers are base URLs; posts take them in turn.
	Notifiers []string
	Key       string // the service key's secret
	// Shared are the channels to publish to; none: the inboxes of the first
	// Inboxes clients, each event to one of them at random.
	Shared  []string
	Inboxes int
	// Rate is posts a second; Burst how many events each of them has, all for
	// one channel. Size is the length of an event's data in bytes, about.
	Rate     float64
	Burst    int
	Size     int
	Duration time.Duration
	// Parallel is how many posts may be under way. Default: 128.
	Parallel int
}

// Published is what came of it.
type Published struct {
	Posts  int64     `json:"posts"`
	Events int64     `json:"events"` // acknowledged
	Failed int64     `json:"failed"` // posts
	Commit Histogram `json:"commit"` // from the moment a post was due to its answer
	Error  string    `json:"error,omitempty"`
}

// Publish posts until the traffic's duration is over and all posts are answered.
// A post is due when the rate says so, whatever became of those before: an
// answer that is late delays those that follow, and their latencies tell.
func (t Traffic) Publish(ctx context.Context) Published {
	parallel := t.Parallel
	if parallel <= 0 {
		parallel = 128
	}
	p := &publisher{traffic: t, padding: strings.Repeat("x", max(t.Size-len(`{"at":1795291528000000000,"pad":""}`), 0))}
	transport := &http.Transport{MaxIdleConnsPerHost: parallel}
	defer transport.CloseIdleConnections()
	p.client = &http.Client{Transport: transport, Timeout: time.Minute}
	began := time.Now()
	total := int64(t.Rate * t.Duration.Seconds())
	var next atomic.Int64
	var posting sync.WaitGroup
	for range parallel {
		posting.Go(func() {
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= total {
					return
				}
				due := began.Add(time.Duration(float64(n) / t.Rate * float64(time.Second)))
				if !wait.For(ctx, time.Until(due)) {
					return
				}
				p.post(ctx, n, due)
			}
		})
	}
	posting.Wait()
	return p.result
}

type publisher struct {
	traffic Traffic
	client  *http.Client
	padding string

	mu     sync.Mutex
	result Published
}

func (p *publisher) post(ctx context.Context, n int64, due time.Time) {
	err := p.try(ctx, n, due)
	took := time.Since(due)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Posts++
	if err != nil {
		p.result.Failed++
		p.result.Error = err.Error()
		return
	}
	p.result.Events += int64(max(p.traffic.Burst, 1))
	p.result.Commit.Add(took)
}

func (p *publisher) try(ctx context.Context, n int64, due time.Time) error {
	t := &p.traffic
	one := fmt.Sprintf(`{"channels":[%q],"type":"load","data":{"at":%d,"pad":%q}}`, t.channel(n), due.UnixNano(), p.padding)
	path, body, want := "/v1/events", one, http.StatusCreated
	if t.Burst > 1 {
		path, want = "/v1/events/batch", http.StatusOK
		body = `{"events":[` + strings.Repeat(one+",", t.Burst-1) + one + `]}`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Notifiers[int(n)%len(t.Notifiers)]+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+t.Key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s: %s: %.200s", path, resp.Status, answer)
	}
	if t.Burst > 1 {
		return checkBatch(answer)
	}
	return nil
}

// channel is whom the nth post is for.
func (t *Traffic) channel(n int64) string {
	if len(t.Shared) > 0 {
		return t.Shared[int(n)%len(t.Shared)]
	}
	return Inbox(rand.IntN(t.Inboxes))
}

// checkBatch: a batch is answered with 200 even if its items failed.
func checkBatch(answer []byte) error {
	var batch struct {
		Results []struct {
			Status int `json:"status"`
		} `json:"results"`
	}
	if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&batch); err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	for _, r := range batch.Results {
		if r.Status != http.StatusCreated {
			return fmt.Errorf("batch: an event was answered with %d", r.Status)
		}
	}
	return nil
}
