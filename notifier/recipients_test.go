package notifier

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUsersAreNamedAsTheirTokensDo: publishers never see how an inbox is encoded,
// unless they look.
func TestUsersAreNamedAsTheirTokensDo(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	w := a.publish(`{"users":["42","Jane Doe","정민"],"type":"x","data":1}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.JSONEq(t, `{"events":[{"channel":"user:42","user":"42","seq":1},
		{"channel":"user:~SmFuZSBEb2U","user":"Jane Doe","seq":1},{"channel":"user:~7KCV66-8","user":"정민","seq":1}]}`, w.Body.String())
	w = a.publish(`{"channels":["user:7"],"users":["Jane Doe"],"type":"x","data":1}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.JSONEq(t, `{"events":[{"channel":"user:7","seq":1},{"channel":"user:~SmFuZSBEb2U","user":"Jane Doe","seq":2}]}`, w.Body.String())
	results := a.batch(t, `{"users":["Jane Doe"],"type":"x","data":1}`)
	require.Equal(t, []any{map[string]any{"channel": "user:~SmFuZSBEb2U", "user": "Jane Doe", "seq": 3.0}}, results[0]["events"])
}

func TestUsersThatAreRefused(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	list := func(n int) string { return strings.TrimSuffix(strings.Repeat(`"u",`, n), ",") }
	for body, says := range map[string]string{
		`{"users":[],"type":"x","data":1}`:                                       "body.users",
		`{"users":null,"type":"x","data":1}`:                                     "body.users",
		`{"users":"42","type":"x","data":1}`:                                     "body.users",
		`{"users":[42],"type":"x","data":1}`:                                     "body.users[0]",
		`{"users":[""],"type":"x","data":1}`:                                     "it is empty",
		`{"users":["` + strings.Repeat("a", 1025) + `"],"type":"x","data":1}`:    "longer than 1024",
		`{"users":["42","42"],"type":"x","data":1}`:                              "named twice",
		`{"users":["42"],"channels":["user:42"],"type":"x","data":1}`:            "named twice",
		`{"users":["42"],"channels":["topic:1"],"type":"x","data":1}`:            "must not be mixed",
		`{"users":["42"],"channels":"user:1","type":"x","data":1}`:               "body.channels",
		`{"users":[` + list(1001) + `],"type":"x","data":1}`:                     "body.users",
		`{"users":["42"],"channels":` + channels(1000) + `,"type":"x","data":1}`: "body.users",
	} {
		w := a.publish(body)
		requireProblem(t, w, http.StatusUnprocessableEntity)
		require.Contains(t, w.Body.String(), says, body)
	}
	a.requireNothingWritten(t)
}
