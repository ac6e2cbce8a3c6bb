package notifier

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// byHuma is an Accept header that means the same as none, and that quick leaves to
// huma.
const byHuma = "application/json, text/plain;q=0.5"

// FuzzQuickAnswersAsHuma: an event that quick carries out is written and answered as
// huma's way writes and answers it, and a refused one is refused in the same words.
//
//fuzz:least 150
func FuzzQuickAnswersAsHuma(f *testing.F) {
	for _, body := range []string{
		hello, ``, ` `, `{}`, `[]`, `null`, `{"channels":["user:1","topic:a|b"],"users":["Jane \"<Doe>\" é\u2028"],"type":"x","data":null}`,
		`{"users":["42","43"],"type":"x","data":[1.50,"\u2028"],"collapse_key":"k","expires_at":"2999-01-01T00:00:00Z"}`,
		`{"channels":["user:1"],"type":"x","data":1,"data":2}`, `{"channels":["user:1","user:1"],"type":"bellhop.x","more":1}`,
		`{"channels":["user:1"],"type":"x","data":"` + strings.Repeat("x", 3000) + `"}`, `{"channels":["user:1"],"type":"x","data":"` + strings.Repeat("x", quickBody) + `"}`,
		`{"channels":["nowhere:1"],"type":"x","data":1}`, `{"channels":["user:busy"],"type":"x","data":1}`, `{"channels":["user:1"],"type":"x","data":1e999}`,
	} {
		f.Add(body, "", false)
		f.Add(body, "key", true)
		f.Add(body, "k\u00e9y", false)
	}
	f.Fuzz(func(t *testing.T, body, key string, chunked bool) {
		quick, huma := newFuzzAPI(t), newFuzzAPI(t)
		for range 2 { // the second time the key is known
			got, want := quick.answer(body, key, "", chunked), huma.answer(body, key, byHuma, chunked)
			require.Equal(t, want.Code, got.Code, "%s", want.Body)
			require.Equal(t, want.Body.String(), got.Body.String())
			require.Equal(t, want.Header(), got.Header())
		}
		require.Equal(t, huma.log.groups, quick.log.groups)
	})
}

type fuzzAPI struct {
	handler http.Handler
	log     *fakeLog
}

func newFuzzAPI(t *testing.T) *fuzzAPI {
	t.Helper()
	keys, err := auth.ParseServiceKeys(testKeys)
	require.NoError(t, err)
	s, err := server.New(server.Options{Logger: quiet()})
	require.NoError(t, err)
	log := &fakeLog{refuse: func(e store.Entry) error {
		if e.Channels[0] == "user:busy" {
			return store.ErrKeyBody
		}
		return nil
	}}
	n := startFake(t, log, &fakeBus{}, func(c *Config) { c.Keys = keys })
	n.Register(s.API)
	return &fuzzAPI{s.Echo, log}
}

func (a *fuzzAPI) answer(body, key, accept string, chunked bool) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
	if chunked {
		r.ContentLength = -1
	}
	r.Header = http.Header{"Authorization": {"Bearer all"}, "Content-Type": {"application/json"}, "X-Request-Id": {"the-same"}}
	if key != "" {
		r.Header["Idempotency-Key"] = []string{key}
	}
	if accept != "" {
		r.Header["Accept"] = []string{accept}
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	w.Header().Del("Content-Length") // net/http adds it where it is missing
	return w
}

// TestBrokenBodyIsRefusedAlike: a body that breaks off, comes too slowly or says
// less than it announced is judged where all others are, and nothing is written.
func TestBrokenBodyIsRefusedAlike(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"breaks off": io.ErrUnexpectedEOF, "ends early": nil, "fails": errors.New("the network is away"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newFuzzAPI(t)
			answers := make([]*httptest.ResponseRecorder, 0, 2)
			for _, accept := range []string{"", byHuma} {
				rest := io.Reader(strings.NewReader(""))
				if failure != nil {
					rest = failing{failure}
				}
				r := httptest.NewRequest(http.MethodPost, "/v1/events", io.MultiReader(strings.NewReader(hello[:20]), rest))
				r.ContentLength = int64(len(hello))
				r.Header = http.Header{"Authorization": {"Bearer all"}, "X-Request-Id": {"the-same"}, "Accept": {accept}}
				if accept == "" {
					r.Header.Del("Accept")
				}
				w := httptest.NewRecorder()
				a.handler.ServeHTTP(w, r)
				answers = append(answers, w)
			}
			require.Equal(t, http.StatusBadRequest, answers[0].Code, answers[0].Body)
			require.Equal(t, answers[1].Body.String(), answers[0].Body.String())
			require.Equal(t, answers[1].Header(), answers[0].Header())
			require.Empty(t, a.log.groups)
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestUsualPostTakesFewAllocations: what is done for every event stays small, apart
// from net/http and the database.
func TestUsualPostTakesFewAllocations(t *testing.T) {
	a := newFuzzAPI(t)
	r := httptest.NewRequest(http.MethodPost, "/v1/events", nil)
	r.Header = http.Header{"Authorization": {"Bearer all"}, "Content-Type": {"application/json"}, "X-Request-Id": {"the-same"}}
	r.ContentLength = int64(len(hello))
	count := func(accept ...string) float64 {
		r.Header["Accept"] = accept
		return testing.AllocsPerRun(200, func() {
			r.Body = io.NopCloser(strings.NewReader(hello))
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, r)
			if w.Code != http.StatusCreated {
				panic(fmt.Sprint(w.Code, w.Body))
			}
		})
	}
	quick, huma := count(), count(byHuma)
	t.Logf("%.0f allocations, by huma %.0f, with the test's own", quick, huma)
	require.Less(t, quick, 90.0)
	require.Less(t, quick, huma)
}
