package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

type inbox struct {
	Items []struct {
		Channel string          `json:"channel"`
		Seq     uint64          `json:"seq"`
		Data    json.RawMessage `json:"data"`
		Read    *bool           `json:"read"`
	} `json:"items"`
	Next   *uint64 `json:"next"`
	Unread *uint64 `json:"unread"`
	Head   *uint64 `json:"head"`
	Cursor string  `json:"cursor"`
	Stale  bool    `json:"stale"`
}

// String is the seqs, read ones in parentheses, then "-> next", then "unread/head".
func (l inbox) String() string {
	var b strings.Builder
	for _, item := range l.Items {
		if *item.Read {
			fmt.Fprintf(&b, "(%d) ", item.Seq)
		} else {
			fmt.Fprintf(&b, "%d ", item.Seq)
		}
	}
	if l.Next != nil {
		fmt.Fprintf(&b, "-> %d ", *l.Next)
	}
	fmt.Fprintf(&b, "%d/%d", *l.Unread, *l.Head)
	return b.String()
}

// answer decodes a response that must be a 200.
func answer[T any](t *testing.T, resp *http.Response) (v T) {
	t.Helper()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&v))
	return v
}

// ask is a request with a body, which has the inbox, or its count, in its answer.
func (r *rig) ask(method, path, body string, headers ...header) inbox {
	r.t.Helper()
	return answer[inbox](r.t, r.send(method, path, body, headers...))
}

func (r *rig) send(method, path, body string, headers ...header) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	require.NoError(r.t, err)
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		req.Header.Add(h[0], h[1])
	}
	resp, err := r.client.Do(req)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func (l *faultyLog) ListInbox(ctx context.Context, ask store.InboxQuery) (store.InboxPage, error) {
	stale, err := l.state()
	if err != nil {
		return store.InboxPage{}, err
	}
	p, err := l.DB.ListInbox(ctx, ask)
	p.Stale = p.Stale || stale
	return p, err
}

func (l *faultyLog) MarkRead(ctx context.Context, c event.Channel, upTo uint64) (store.InboxState, error) {
	return l.changing(func() (store.InboxState, error) { return l.DB.MarkRead(ctx, c, upTo) })
}

func (l *faultyLog) MarkUnreadSeqs(ctx context.Context, c event.Channel, seqs []uint64) (store.InboxState, error) {
	return l.changing(func() (store.InboxState, error) { return l.DB.MarkUnreadSeqs(ctx, c, seqs) })
}

func (l *faultyLog) Delete(ctx context.Context, c event.Channel, seq uint64) (store.InboxState, error) {
	return l.changing(func() (store.InboxState, error) { return l.DB.Delete(ctx, c, seq) })
}

func (l *faultyLog) Mute(ctx context.Context, c event.Channel, muted event.Muted) (store.InboxState, error) {
	return l.changing(func() (store.InboxState, error) { return l.DB.Mute(ctx, c, muted) })
}

func (l *faultyLog) Muted(ctx context.Context, c event.Channel) (event.Muted, error) {
	if _, err := l.state(); err != nil {
		return "", err
	}
	return l.DB.Muted(ctx, c)
}

func (l *faultyLog) changing(change func() (store.InboxState, error)) (store.InboxState, error) {
	if _, err := l.state(); err != nil {
		return store.InboxState{}, err
	}
	return change()
}

func TestInboxPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	empty := r.ask(http.MethodGet, "/v1/inbox", "", mina)
	require.Equal(t, "0/0", empty.String())
	require.NotNil(t, empty.Items)
	for i := range 5 {
		r.publish("user:mina", fmt.Sprintf(`{"n":%d,"big":12345678901234567890}`, i+1))
	}
	r.publish("user:omar", `"not hers"`)
	page := r.ask(http.MethodGet, "/v1/inbox?limit=2", "", mina)
	require.Equal(t, "5 4 -> 4 5/5", page.String())
	require.Equal(t, "user:mina", page.Items[0].Channel)
	require.Equal(t, `{"n":5,"big":12345678901234567890}`, string(page.Items[0].Data), "byte for byte")
	require.False(t, page.Stale)
	require.Equal(t, "3 2 1 5/5", r.ask(http.MethodGet, "/v1/inbox?before=4", "", mina).String())
	require.Equal(t, "4/5", r.ask(http.MethodPost, "/v1/inbox/read", `{"seqs":[4]}`, mina).String())
	require.Equal(t, "5 (4) 3 -> 3 4/5", r.ask(http.MethodGet, "/v1/inbox?limit=3", "", mina).String())
	require.Equal(t, "5 3 2 -> 2 4/5", r.ask(http.MethodGet, "/v1/inbox?limit=3&unread=true", "", mina).String())
	require.Equal(t, "4/5", r.ask(http.MethodGet, "/v1/inbox/unread", "", mina).String())
}

func TestInboxChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	require.Equal(t, "0/0", r.ask(http.MethodPost, "/v1/inbox/read", `{"up_to":9}`, mina).String(), "nothing to read")
	for range 6 {
		r.publish("user:mina", `1`)
	}
	for _, step := range []struct{ method, path, body, want string }{
		{http.MethodPost, "/read", `{"up_to":3}`, "6 5 4 (3) (2) (1) 3/6"},
		{http.MethodPost, "/read", `{"up_to":3}`, "6 5 4 (3) (2) (1) 3/6"},
		{http.MethodPost, "/unread", `{"seqs":[1,6,99]}`, "6 5 4 (3) (2) 1 4/6"},
		{http.MethodPost, "/read", `{"seqs":[5,5,0]}`, "6 (5) 4 (3) (2) 1 3/6"},
		{http.MethodPost, "/read", `{"seqs":[]}`, "6 (5) 4 (3) (2) 1 3/6"},
		{http.MethodDelete, "/4", ``, "6 (5) (3) (2) 1 2/6"},
		{http.MethodDelete, "/4", ``, "6 (5) (3) (2) 1 2/6"},
		{http.MethodDelete, "/99", ``, "6 (5) (3) (2) 1 2/6"},
		{http.MethodDelete, "/0", ``, "6 (5) (3) (2) 1 2/6"},
		{http.MethodDelete, "/18446744073709551615", ``, "6 (5) (3) (2) 1 2/6"},
		{http.MethodPost, "/read", `{"up_to":9223372036854775807}`, "(6) (5) (3) (2) (1) 0/6"},
	} {
		name := step.method + step.path + step.body
		resp := r.send(step.method, "/v1/inbox"+step.path, step.body, mina)
		got := r.ask(http.MethodGet, "/v1/inbox", "", mina)
		require.Equal(t, step.want, got.String(), name)
		if step.method == http.MethodDelete {
			require.Equal(t, http.StatusNoContent, resp.StatusCode, name)
			continue
		}
		count := answer[inbox](t, resp)
		require.Equal(t, *got.Unread, *count.Unread, name)
		require.Equal(t, *got.Head, *count.Head, name)
	}
	r.publish("user:mina", `1`)
	require.Equal(t, "7 1/7", r.ask(http.MethodGet, "/v1/inbox?unread=true", "", mina).String(), "what comes later is unread")
}

// A list and a stream that begins with its cursor have every event once.
func TestInboxCursorOpensAStreamWithoutAGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	empty := r.ask(http.MethodGet, "/v1/inbox", "", mina)
	r.publish("user:mina", `1`)
	r.publish("user:mina", `2`)
	page := r.ask(http.MethodGet, "/v1/inbox?limit=1", "", mina)
	r.publish("user:mina", `3`)
	for cursor, want := range map[string][]string{empty.Cursor: {"1", "2", "3"}, page.Cursor: {"3"}} {
		s := r.stream("/v1/stream?lastEventId="+cursor, mina).greeted()
		for _, data := range want {
			require.Contains(t, s.expect("note").data, `"data":`+data+`}`, "cursor %s", cursor)
		}
		s.expect("bellhop.ready")
		s.leave()
	}
}

// What is read in one tab is told to the others, and to this one.
func TestInboxChangesAreToldToStreams(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	for range 4 {
		r.publish("user:mina", `1`)
	}
	first := r.stream("/v1/stream", mina).greeted()
	second := r.stream("/v1/stream?channel=topic:a", mina).greeted()
	first.expect("bellhop.ready")
	second.expect("bellhop.ready")
	for _, step := range []struct{ method, path, body, says string }{
		{http.MethodPost, "/read", `{"up_to":2}`, `{"change":"read","up_to":2,"seqs":null,"unread":2,"head":4}`},
		{http.MethodPost, "/unread", `{"seqs":[1,2]}`, `{"change":"unread","up_to":null,"seqs":[1,2],"unread":4,"head":4}`},
		{http.MethodPost, "/read", `{"seqs":[4]}`, `{"change":"read","up_to":null,"seqs":[4],"unread":3,"head":4}`},
		{http.MethodDelete, "/3", ``, `{"change":"removed","up_to":null,"seqs":[3],"unread":2,"head":4}`},
	} {
		require.Less(t, r.send(step.method, "/v1/inbox"+step.path, step.body, mina).StatusCode, 300)
		for _, s := range []*sse{first, second} {
			b := s.expect("bellhop.read")
			require.Equal(t, step.says, b.data)
			require.Contains(t, b.id, "4.")
		}
	}
	third := r.stream("/v1/stream", mina).greeted()
	require.Equal(t, `{"unread":2,"head":4}`, third.expect("bellhop.ready").data)
}
