package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/store"
)

type list struct {
	Events []struct {
		Channel string          `json:"channel"`
		Seq     uint64          `json:"seq"`
		Type    string          `json:"type"`
		Time    string          `json:"time"`
		Data    json.RawMessage `json:"data"`
	} `json:"events"`
	Next   *uint64 `json:"next"`
	Cursor string  `json:"cursor"`
	Stale  *bool   `json:"stale"`
}

func (r *rig) list(path string, headers ...header) list {
	r.t.Helper()
	resp := r.get(path, headers...)
	require.Equal(r.t, http.StatusOK, resp.StatusCode)
	require.Equal(r.t, "application/json", resp.Header.Get("Content-Type"))
	var l list
	require.NoError(r.t, json.NewDecoder(resp.Body).Decode(&l))
	return l
}

func TestHistoryPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for i := range 5 {
		r.publish("topic:a/b", fmt.Sprintf(`{"n":%d,"big":12345678901234567890}`, i+1))
	}
	const path = "/v1/channels/topic:a%2Fb/events"
	first := r.list(path + "?limit=2")
	require.Len(t, first.Events, 2)
	require.EqualValues(t, 1, first.Events[0].Seq)
	require.Equal(t, "topic:a/b", first.Events[0].Channel)
	require.Equal(t, "note", first.Events[0].Type)
	require.Equal(t, `{"n":1,"big":12345678901234567890}`, string(first.Events[0].Data), "byte for byte")
	require.NotNil(t, first.Next)
	require.EqualValues(t, 2, *first.Next)
	require.Nil(t, first.Stale)

	rest := r.list(fmt.Sprintf("%s?after=%d", path, *first.Next))
	require.Len(t, rest.Events, 3)
	require.EqualValues(t, 5, rest.Events[2].Seq)
	require.Nil(t, rest.Next)
}

// A stream that opens with a page's cursor goes on right after it, wherever the
// page ended.
func TestHistoryCursorOpensAStreamWithoutAGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	empty := r.list("/v1/channels/topic:a/events")
	require.Equal(t, []string{}, seqs(empty))
	r.publish("topic:a", `1`)
	r.publish("topic:a", `2`)
	part := r.list("/v1/channels/topic:a/events?limit=1")
	whole := r.list("/v1/channels/topic:a/events")
	beyond := r.list("/v1/channels/topic:a/events?after=99")
	require.Empty(t, beyond.Events)
	require.Nil(t, beyond.Next)
	r.publish("topic:a", `3`)
	for cursor, want := range map[string][]string{
		empty.Cursor: {"1", "2", "3"}, part.Cursor: {"2", "3"}, whole.Cursor: {"3"}, beyond.Cursor: {"3"},
	} {
		s := r.stream("/v1/stream?channel=topic:a&lastEventId=" + cursor).greeted()
		for _, data := range want {
			require.Contains(t, s.expect("note").data, `"data":`+data+`}`, "cursor %s", cursor)
		}
		s.expect("bellhop.ready")
		s.leave()
	}
}

func seqs(l list) []string {
	out := []string{}
	for _, e := range l.Events {
		out = append(out, strconv.FormatUint(e.Seq, 10))
	}
	return out
}

// A replica may answer only if it has got as far as the primary says.
func TestHistoryAsksForThePrimarysVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.publish("topic:a", `1`)
	r.list("/v1/channels/topic:a/events")
	asked := r.log.ranges[len(r.log.ranges)-1]
	require.EqualValues(t, 1, asked.Through)
	require.NotZero(t, asked.Version)
	require.NotEmpty(t, asked.Epoch)
}

func TestHistoryIsStaleWhileThePrimaryIsAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.publish("topic:a", `1`)
	r.log.setStale()
	l := r.list("/v1/channels/topic:a/events")
	require.Len(t, l.Events, 1)
	require.NotNil(t, l.Stale)
	require.True(t, *l.Stale)
	require.Empty(t, r.log.ranges[len(r.log.ranges)-1].Epoch, "nothing is expected of the replica")
}

// staleLog loses its primary between two questions.
type staleLog struct{ gateway.Log }

func (l staleLog) Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	pages, err := l.Log.Ranges(ctx, ranges)
	for i := range pages {
		pages[i].Stale = true
	}
	return pages, err
}

func TestHistoryIsStaleWhereThePrimaryLeavesMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.Log = staleLog{c.Log} })
	r.publish("topic:a", `1`)
	l := r.list("/v1/channels/topic:a/events")
	require.Len(t, l.Events, 1)
	require.NotNil(t, l.Stale)
	require.True(t, *l.Stale)
}

func TestHistoryOfTheOwnInbox(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.publish("user:mina", `1`)
	require.Len(t, r.list("/v1/channels/user:mina/events", bearer(token(t, "mina"))).Events, 1)
	require.Len(t, r.list("/v1/channels/user:mina/events", cookie(token(t, "mina"))).Events, 1)
}

func TestDocumentNamesTheOperations(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	resp := r.get("/openapi.json")
	var doc struct {
		Paths      map[string]map[string]any `json:"paths"`
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&doc))
	require.Contains(t, doc.Paths["/v1/stream"], "get")
	require.Contains(t, doc.Paths["/v1/channels/{channel}/events"], "get")
	require.Contains(t, doc.Paths["/v1/session"], "post")
	require.Contains(t, doc.Paths["/v1/session"], "delete")
	require.Equal(t, true, doc.Components.Schemas["Problem"]["additionalProperties"])
}
