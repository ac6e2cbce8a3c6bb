package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// counts is how GET /v1/inbox/unread answers.
func (r *rig) counts(h header) string {
	r.t.Helper()
	return string(answer[json.RawMessage](r.t, r.send(http.MethodGet, "/v1/inbox/unread", "", h)))
}

// What was seen in one tab is told to all, and the count of unread events stays.
func TestSeenIsToldToStreamsAndStaysApartFromRead(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	require.JSONEq(t, `{"unread":0,"unseen":0,"by_type":{},"head":0}`, r.counts(mina))
	for range 4 {
		r.publish("user:mina", `1`)
	}
	s := r.stream("/v1/stream", mina).greeted()
	s.expect("bellhop.ready")
	require.Equal(t, "4/4", r.ask(http.MethodPost, "/v1/inbox/seen", `{"up_to":3}`, mina).String())
	require.Equal(t, `{"change":"seen","up_to":3,"seqs":null,"unread":4,"head":4}`, s.expect("bellhop.read").data)
	require.JSONEq(t, `{"unread":4,"unseen":1,"by_type":{"note":4},"head":4}`, r.counts(mina))
	r.ask(http.MethodPost, "/v1/inbox/seen", `{"up_to":2}`, mina) // says nothing: what was seen was seen
	r.ask(http.MethodPost, "/v1/inbox/read", `{"seqs":[4]}`, mina)
	require.Equal(t, `{"change":"read","up_to":null,"seqs":[4],"unread":3,"head":4}`, s.expect("bellhop.read").data)
	require.JSONEq(t, `{"unread":3,"unseen":0,"by_type":{"note":3},"head":4}`, r.counts(mina), "who read it saw it")
	require.Equal(t, http.StatusUnprocessableEntity, r.send(http.MethodPost, "/v1/inbox/seen", `{}`, mina).StatusCode)
}

func TestInboxIsFilteredByTypes(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	for range 3 {
		r.publish("user:mina", `1`)
	}
	require.Equal(t, "3 2 1 3/3", r.ask(http.MethodGet, "/v1/inbox?type=reply,note", "", mina).String())
	require.Equal(t, "3/3", r.ask(http.MethodGet, "/v1/inbox?type=reply", "", mina).String())
	for query, status := range map[string]int{
		"type=note,":               http.StatusUnprocessableEntity,
		"type=bellhop.read":        http.StatusUnprocessableEntity,
		"type=note&type=reply":     http.StatusBadRequest,
		"types=note":               http.StatusBadRequest,
		"type=" + many("note", 21): http.StatusUnprocessableEntity,
	} {
		require.Equal(t, status, r.send(http.MethodGet, "/v1/inbox?"+query, "", mina).StatusCode, query)
	}
}

// many is a list of n times the same.
func many(s string, n int) string { return strings.Repeat(s+",", n-1) + s }

// What is archived in one tab leaves the others, and can be taken back.
func TestArchivedEventsLeaveEveryTab(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	for range 4 {
		r.publish("user:mina", `1`)
	}
	s := r.stream("/v1/stream", mina).greeted()
	s.expect("bellhop.ready")
	require.Equal(t, "2/4", r.ask(http.MethodPost, "/v1/inbox/archive", `{"seqs":[2,3]}`, mina).String())
	require.Equal(t, `{"change":"archived","up_to":null,"seqs":[2,3],"unread":2,"head":4}`, s.expect("bellhop.read").data)
	require.Equal(t, "4 1 2/4", r.ask(http.MethodGet, "/v1/inbox", "", mina).String())
	require.Equal(t, "(3) (2) 2/4", r.ask(http.MethodGet, "/v1/inbox?archived=true", "", mina).String())
	require.Equal(t, "2/4", r.ask(http.MethodPost, "/v1/inbox/unarchive", `{"seqs":[2]}`, mina).String())
	require.Equal(t, `{"change":"other","up_to":null,"seqs":null,"unread":2,"head":4}`, s.expect("bellhop.read").data)
	require.Equal(t, "4 (2) 1 2/4", r.ask(http.MethodGet, "/v1/inbox", "", mina).String())
	require.Equal(t, "(3) 2/4", r.ask(http.MethodGet, "/v1/inbox?archived=true", "", mina).String())
	require.Equal(t, http.StatusUnprocessableEntity, r.send(http.MethodPost, "/v1/inbox/archive", `{"up_to":4}`, mina).StatusCode)
}
