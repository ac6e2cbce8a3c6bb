package client_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
)

// patience bounds what happens soon.
const patience = 20 * time.Second

// call is a request as a notifier sees it.
type call struct {
	method, uri string
	header      http.Header
	body        string
	at          time.Time
}

// fake answers requests in place of a network: the calls that it got are its
// record, and answer decides by the call's number, which counts from 0.
type fake struct {
	answer func(n int, c call) (*http.Response, error)

	mu    sync.Mutex
	calls []call
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	n := len(f.calls)
	c := call{r.Method, r.URL.RequestURI(), r.Header, string(body), time.Now()}
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	return f.answer(n, c)
}

func (f *fake) record() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]call(nil), f.calls...)
}

// respond makes an answer; headers are name and value in turn.
func respond(status int, body string, headers ...string) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	if status >= 400 {
		h.Set("Content-Type", "application/problem+json")
	}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

const created = `{"events":[{"channel":"user:42","seq":17}]}`

// inTurn answers one call after the other, and the last answer again and again.
func inTurn(answers ...func() (*http.Response, error)) *fake {
	return &fake{answer: func(n int, _ call) (*http.Response, error) { return answers[min(n, len(answers)-1)]() }}
}

func status(code int, body string, headers ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) { return respond(code, body, headers...) }
}

func broken(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

// accepting answers batches as a notifier does that takes everything, but what
// refuse has another answer for.
func accepting(refuse func(n int, typ string) (status int, problem string)) *fake {
	return &fake{answer: func(n int, c call) (*http.Response, error) {
		var results []string
		for i, e := range batchOf(c) {
			code, problem := http.StatusCreated, ""
			if refuse != nil {
				code, problem = refuse(n, e.Type)
			}
			if code == http.StatusCreated {
				results = append(results, `{"status":201,"events":[{"channel":"`+strings.Join(e.Channels[:min(1, len(e.Channels))], "")+`","seq":`+strconv.Itoa(i+1)+`}]}`)
			} else {
				results = append(results, `{"status":`+strconv.Itoa(code)+`,"error":`+problem+`}`)
			}
		}
		return respond(http.StatusOK, `{"results":[`+strings.Join(results, ",")+`]}`)
	}}
}

// sent is an event of a request's body.
type sent struct {
	Channels []string        `json:"channels"`
	Type     string          `json:"type"`
	Data     json.RawMessage `json:"data"`
	Key      string          `json:"idempotency_key"`
}

func batchOf(c call) []sent {
	var body struct{ Events []sent }
	d := json.NewDecoder(bytes.NewReader([]byte(c.body)))
	if err := d.Decode(&body); err != nil {
		return nil
	}
	return body.Events
}

// types lists what the calls were about, call by call.
func types(calls []call) (all [][]string) {
	for _, c := range calls {
		var names []string
		for _, e := range batchOf(c) {
			names = append(names, e.Type)
		}
		all = append(all, names)
	}
	return all
}

func newClient(t *testing.T, f http.RoundTripper, change ...func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{URL: "http://notifier.test/", Key: "secret", HTTPClient: &http.Client{Transport: f}}
	for _, c := range change {
		c(&cfg)
	}
	c, err := client.New(cfg)
	require.NoError(t, err)
	return c
}

// event is an event of a type, to user 42.
func event(typ string) client.Event {
	return client.Event{Channels: []string{"user:42"}, Type: typ, Data: 1}
}
