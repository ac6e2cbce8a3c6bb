package gateway_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// preferences is how a call about them answers.
func (r *rig) preferences(method, body string, h header) string {
	r.t.Helper()
	return string(answer[json.RawMessage](r.t, r.send(method, "/v1/inbox/preferences", body, h)))
}

// What is muted in one window is told to all devices of the person, and to nobody else.
func TestWhatIsMutedIsToldToStreams(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina, jonas := bearer(token(t, "mina")), bearer(token(t, "jonas"))
	require.JSONEq(t, `{"muted":[]}`, r.preferences(http.MethodGet, "", mina), "nobody wrote to that inbox yet")
	phone, laptop, other := r.stream("/v1/stream", mina).greeted(), r.stream("/v1/stream", mina).greeted(), r.stream("/v1/stream", jonas).greeted()
	for _, s := range []*sse{phone, laptop, other} {
		s.expect("bellhop.ready")
	}
	require.JSONEq(t, `{"muted":["note","like"]}`, r.preferences(http.MethodPut, `{"muted":["note","like"]}`, mina))
	require.JSONEq(t, `{"muted":["note","like"]}`, r.preferences(http.MethodGet, "", mina))
	require.JSONEq(t, `{"muted":[]}`, r.preferences(http.MethodGet, "", jonas))
	for _, s := range []*sse{phone, laptop} {
		require.Equal(t, `{"change":"muted","up_to":null,"seqs":null,"unread":0,"head":0,"muted":["note","like"]}`, s.expect("bellhop.read").data)
	}
	_, done, err := r.log.Append(t.Context(), []store.Entry{{Channels: []event.Channel{"user:mina"}, Type: "note", Data: []byte(`1`)}})
	require.NoError(t, err)
	require.Equal(t, []uint64{0}, done[0].Seqs)
	require.JSONEq(t, `{"muted":[]}`, r.preferences(http.MethodPut, `{"muted":[]}`, mina))
	require.Equal(t, `{"change":"muted","up_to":null,"seqs":null,"unread":0,"head":0,"muted":[]}`, phone.expect("bellhop.read").data)
	r.publish("user:mina", `1`)
	require.Equal(t, `{"channel":"user:mina","seq":1,`, phone.expect("note").data[:31])
	r.publish("user:jonas", `1`)
	other.expect("note") // the first that it hears of
}
