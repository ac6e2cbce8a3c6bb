package notifier

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

func TestWithdraw(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	bus := a.cfg.Bus.(*fakeBus)
	for _, body := range []string{
		`{"channels":["user:a/b"],"type":"x","data":1,"collapse_key":"post 7"}`,
		`{"channels":["user:a/b"],"type":"x","data":2}`,
		`{"channels":["user:a/b"],"type":"x","data":3,"collapse_key":"post 7"}`,
	} {
		require.Equal(t, http.StatusCreated, a.publish(body).Code)
	}
	w := a.do(http.MethodDelete, "/v1/channels/user:a%2Fb/events?collapse_key=post%207", "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.JSONEq(t, `{"removed":2}`, w.Body.String())
	require.Len(t, a.events(t, "user:a/b"), 1)
	last := bus.messages[len(bus.messages)-1]
	require.Equal(t, event.NoteRemoved, last.Note.Kind, "open streams are told")
	require.Equal(t, []uint64{1, 3}, last.Note.Seqs)
	require.EqualValues(t, 1, last.Note.Unread)
	w = a.do(http.MethodDelete, "/v1/channels/user:a%2Fb/events?collapse_key=post%207", "")
	require.JSONEq(t, `{"removed":0}`, w.Body.String(), "repeating it is harmless")
}

func TestWithdrawRefuses(t *testing.T) {
	t.Parallel()
	a := newAPI(t, awayLog{&fakeLog{}}, &fakeBus{}, with(newFakeKept()))
	for path, want := range map[string]int{
		"/v1/channels/user:1/events":                          http.StatusUnprocessableEntity,
		"/v1/channels/user:1/events?collapse_key=":            http.StatusUnprocessableEntity,
		"/v1/channels/user:1/events?collapse_key=%C3%A9":      http.StatusUnprocessableEntity,
		"/v1/channels/User:1/events?collapse_key=a":           http.StatusUnprocessableEntity,
		"/v1/channels/gone:1/events?collapse_key=a":           http.StatusUnprocessableEntity,
		"/v1/channels/topic:news/events?collapse_key=a":       http.StatusUnprocessableEntity, // kept in Redis
		"/v1/channels/user:1/events?collapse_key=a&collapse=": http.StatusBadRequest,
		"/v1/channels/user:1/events?collapse_key=a":           http.StatusServiceUnavailable,
	} {
		requireProblem(t, a.do(http.MethodDelete, path, ""), want)
	}
	news := "Bearer topics"
	requireProblem(t, a.do(http.MethodDelete, "/v1/channels/user:1/events?collapse_key=a", "", "Authorization", news), http.StatusForbidden)
	requireProblem(t, a.do(http.MethodDelete, "/v1/channels/user:1/events?collapse_key=a", "", "Authorization", ""), http.StatusUnauthorized)
}

func (awayLog) Withdraw(context.Context, event.Channel, string) (int, []store.InboxState, error) {
	return 0, nil, errAway
}

func TestRenewReachesTheLog(t *testing.T) {
	t.Parallel()
	log := &fakeLog{}
	a := newAPI(t, log, &fakeBus{})
	for body, want := range map[string]bool{`"renew":true`: true, `"renew":false`: false, `"renew":null`: false} {
		w := a.publish(`{"channels":["user:1"],"type":"x","data":1,"collapse_key":"k",` + body + `}`)
		require.Equal(t, http.StatusCreated, w.Code, w.Body)
		require.Equal(t, want, log.groups[len(log.groups)-1][0].Renew, body)
	}
	for _, body := range []string{`"renew":1,"collapse_key":"k"`, `"renew":true`, `"renew":true,"collapse_key":null`} {
		w := a.publish(`{"channels":["user:1"],"type":"x","data":1,` + body + `}`)
		require.Contains(t, requireProblem(t, w, http.StatusUnprocessableEntity)["errors"].([]any)[0], "location")
		require.Contains(t, w.Body.String(), "body.renew")
	}
	plain := store.Entry{Channels: []event.Channel{"user:1"}, Type: "x", Data: []byte("1"), CollapseKey: "k"}
	renewing := plain
	renewing.Renew = true
	require.NotEqual(t, fingerprint(&plain), fingerprint(&renewing), "an idempotency key is of one of them")
}
