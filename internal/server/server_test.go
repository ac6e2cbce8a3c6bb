package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// logBuffer is where a test's server logs to.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newTest(t *testing.T, opt Options) (*Server, *logBuffer) {
	t.Helper()
	logs := &logBuffer{}
	opt.Logger = slog.New(slog.NewTextHandler(logs, nil))
	s, err := New(opt)
	require.NoError(t, err)
	return s, logs
}

func do(s *Server, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	s.Echo.ServeHTTP(w, r)
	return w.Result()
}

func get(s *Server, target string) *http.Response {
	return do(s, httptest.NewRequest(http.MethodGet, target, nil))
}

// problemOf checks that the response is a problem and returns its members.
func problemOf(t *testing.T, resp *http.Response, status int) map[string]any {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "body: %s", body)
	require.Equal(t, ProblemType, resp.Header.Get("Content-Type"))
	require.NotEmpty(t, resp.Header.Get(RequestIDHeader))
	var p map[string]any
	require.NoError(t, json.Unmarshal(body, &p), "body: %s", body)
	require.EqualValues(t, status, p["status"])
	require.Equal(t, http.StatusText(status), p["title"])
	return p
}

type echoInput struct {
	Limit int `query:"limit" maximum:"10" doc:"How many."`
	Body  struct {
		Name  string `json:"name" minLength:"2" doc:"Who."`
		Extra string `json:"extra,omitempty" doc:"What else."`
	}
}

func registerEcho(s *Server, answer func(context.Context, *echoInput) (*struct{}, error)) {
	huma.Register(s.API, huma.Operation{
		OperationID: "echo", Method: http.MethodPost, Path: "/v1/echo", Summary: "Echoes.", MaxBodyBytes: 64,
	}, answer)
}

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/echo", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestRefusalsAreProblems(t *testing.T) {
	t.Parallel()
	s, logs := newTest(t, Options{})
	s.Echo.GET("/refuse", func(echo.Context) error {
		return NewProblem(http.StatusServiceUnavailable, "come back").With("written", false).RetryAfter(1500 * time.Millisecond).
			Because(errors.New("the cause"))
	})
	s.Echo.GET("/fail", func(echo.Context) error { return errors.New("dial 10.0.0.3: secret detail") })
	s.Echo.GET("/panic", func(echo.Context) error { panic("secret panic") })
	s.Echo.GET("/gone", func(echo.Context) error { return context.Canceled })
	registerEcho(s, func(_ context.Context, in *echoInput) (*struct{}, error) {
		switch in.Body.Name {
		case "fail":
			return nil, errors.New("select: secret detail")
		case "refuse":
			return nil, NewProblem(http.StatusConflict, "busy").With("written", false).RetryAfter(time.Second).Because(errors.New("huma cause"))
		}
		return &struct{}{}, nil
	})

	t.Run("unknown path", func(t *testing.T) {
		require.NotContains(t, problemOf(t, get(s, "/nothing"), 404), "detail", "the title says it")
	})
	t.Run("unknown method", func(t *testing.T) {
		resp := do(s, httptest.NewRequest(http.MethodDelete, "/v1/echo", nil))
		problemOf(t, resp, 405)
		require.Contains(t, resp.Header.Get("Allow"), "POST")
	})
	t.Run("problem with members, header and cause", func(t *testing.T) {
		resp := get(s, "/refuse")
		p := problemOf(t, resp, 503)
		require.Equal(t, false, p["written"])
		require.Equal(t, "come back", p["detail"])
		require.Equal(t, "2", resp.Header.Get("Retry-After"))
		require.Contains(t, logs.String(), `level=WARN msg=request method=GET path=/refuse status=503`)
		require.Contains(t, logs.String(), `error="the cause"`)
	})
	t.Run("an error's text goes to the log alone", func(t *testing.T) {
		require.NotContains(t, problemOf(t, get(s, "/fail"), 500), "detail")
		require.Contains(t, logs.String(), "secret detail")
	})
	t.Run("panic", func(t *testing.T) {
		require.NotContains(t, problemOf(t, get(s, "/panic"), 500), "detail")
		require.Contains(t, logs.String(), "secret panic")
	})
	t.Run("given up", func(t *testing.T) { problemOf(t, get(s, "/gone"), 503) })
	t.Run("HEAD has no body", func(t *testing.T) {
		s.Echo.HEAD("/refuse", func(echo.Context) error { return NewProblem(http.StatusForbidden, "no") })
		resp := do(s, httptest.NewRequest(http.MethodHead, "/refuse", nil))
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Empty(t, body)
		require.Equal(t, 403, resp.StatusCode)
	})
	t.Run("401 carries a challenge", func(t *testing.T) {
		require.Equal(t, "Bearer", NewProblem(401, "").GetHeaders().Get("WWW-Authenticate"))
	})

	t.Run("huma: malformed body is not echoed", func(t *testing.T) {
		p := problemOf(t, do(s, post(`{"name":"topsecret`)), 400)
		require.NotContains(t, string(must(json.Marshal(p))), "topsecret")
	})
	t.Run("huma: every broken rule is named", func(t *testing.T) {
		r := post(`{"name":"a"}`)
		r.URL.RawQuery = "limit=11"
		p := problemOf(t, do(s, r), 422)
		require.Len(t, p["errors"], 2)
		require.Contains(t, string(must(json.Marshal(p))), `"location":"query.limit"`)
		require.Contains(t, string(must(json.Marshal(p))), `"location":"body.name"`)
	})
	t.Run("huma: body over its limit", func(t *testing.T) {
		for size, status := range map[int]int{63: 204, 64: 413, 1000: 413} { // huma's limit is exclusive
			body := `{"name":"` + strings.Repeat("x", size-len(`{"name":""}`)) + `"}`
			declared, chunked := post(body), post(body)
			chunked.ContentLength = -1
			for _, r := range []*http.Request{declared, chunked} {
				resp := do(s, r)
				require.Equal(t, status, resp.StatusCode)
				if status == 413 {
					p := problemOf(t, resp, status)
					require.EqualValues(t, 63, p["limit"])
					require.Equal(t, "the request body is too large", p["detail"])
				}
			}
		}
	})
	t.Run("huma: handler's error", func(t *testing.T) {
		require.NotContains(t, problemOf(t, do(s, post(`{"name":"fail"}`)), 500), "detail")
		require.Contains(t, logs.String(), "select: secret detail")
	})
	t.Run("huma: handler's problem", func(t *testing.T) {
		resp := do(s, post(`{"name":"refuse"}`))
		p := problemOf(t, resp, 409)
		require.Equal(t, false, p["written"])
		require.Equal(t, "1", resp.Header.Get("Retry-After"))
		require.Contains(t, logs.String(), "huma cause")
	})
	t.Run("huma: unknown content type", func(t *testing.T) {
		r := post(`name=x`)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		problemOf(t, do(s, r), 415)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestProblemCannotOverwriteStandardMembers(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(NewProblem(409, "busy").With("status", 200).With("written", false))
	require.NoError(t, err)
	require.JSONEq(t, `{"title":"Conflict","status":409,"detail":"busy","written":false}`, string(b))
}

func TestRequestIDIsKeptOnlyIfPlain(t *testing.T) {
	t.Parallel()
	s, logs := newTest(t, Options{})
	var seen string
	s.Echo.GET("/", func(c echo.Context) error {
		seen = RequestID(c.Request().Context())
		return NewProblem(http.StatusConflict, "")
	})
	for id, kept := range map[string]bool{
		"abc-DEF_1.2":            true,
		strings.Repeat("a", 64):  true,
		strings.Repeat("a", 65):  false,
		"":                       false,
		"with space":             false,
		"line\nbreak":            false,
		`quote"`:                 false,
		"caf\u00e9":              false,
		"<script>alert</script>": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(RequestIDHeader, id)
		got := do(s, r).Header.Get(RequestIDHeader)
		require.NotEmpty(t, got)
		require.Equal(t, kept, got == id, "id %q", id)
		require.Equal(t, got, seen)
		require.Contains(t, logs.String(), "request_id="+got)
	}
	require.Empty(t, RequestID(context.Background()))
}

// TestSuccessIsLoggedOnlyWhereAskedFor: a line for each request costs a tenth of it,
// and says nothing that the metrics do not. What is refused always has its line.
func TestSuccessIsLoggedOnlyWhereAskedFor(t *testing.T) {
	t.Parallel()
	for level, lines := range map[slog.Level]int{slog.LevelInfo: 1, slog.LevelDebug: 2} {
		logs := &logBuffer{}
		s, err := New(Options{Logger: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: level}))})
		require.NoError(t, err)
		s.Echo.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
		s.Echo.GET("/refused", func(echo.Context) error { return NewProblem(http.StatusForbidden, "") })
		get(s, "/")
		get(s, "/refused")
		require.Equal(t, lines, strings.Count(logs.String(), "msg=request"), logs.String())
		require.Contains(t, logs.String(), "path=/refused status=403")
	}
}

func TestAccessLogHasNoQuery(t *testing.T) {
	t.Parallel()
	s, logs := newTest(t, Options{})
	get(s, "/v1/stream?access_token=s3cret")
	require.Contains(t, logs.String(), "path=/v1/stream")
	require.NotContains(t, logs.String(), "s3cret")
	require.NotContains(t, logs.String(), "access_token")
}

func TestSafeHeadersAreDefaults(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	s.Echo.GET("/page", func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "max-age=60")
		return c.NoContent(http.StatusNoContent)
	})
	h := get(s, "/page").Header
	require.Equal(t, "max-age=60", h.Get("Cache-Control"))
	require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	require.Equal(t, "default-src 'none'; frame-ancestors 'none'", h.Get("Content-Security-Policy"))
	require.Equal(t, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'", get(s, "/docs").Header.Get("Content-Security-Policy"))
	require.Equal(t, "no-store", get(s, "/nothing").Header.Get("Cache-Control"))
}

func TestPathParametersAreDecodedOnce(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	var got string
	s.Echo.GET("/c/:name/events", func(c echo.Context) error {
		got = c.Param("name")
		return c.NoContent(http.StatusNoContent)
	})
	for path, want := range map[string]string{
		"/c/user:42/events":        "user:42",
		"/c/user%3A42/events":      "user:42",
		"/c/topic:a%2Fb/events":    "topic:a/b",
		"/c/topic:a%7Cb/events":    "topic:a|b",
		"/c/topic:%2541/events":    "topic:%41", // once, not twice
		"/c/a%2Fb%2541/events":     "a/b%41",
		"/c/topic:a+b/events":      "topic:a+b",
		"/c/topic:a%2Bb%2F/events": "topic:a+b/",
	} {
		got = ""
		require.Equal(t, http.StatusNoContent, get(s, path).StatusCode, path)
		require.Equal(t, want, got, path)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{Title: "Bell <1>", Version: "1.2"})
	registerEcho(s, func(context.Context, *echoInput) (*struct{}, error) { return &struct{}{}, nil })

	resp := get(s, "/openapi.json")
	require.Equal(t, 200, resp.StatusCode)
	var doc map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&doc))
	require.Equal(t, "3.1.0", doc["openapi"])
	require.Contains(t, doc["paths"], "/v1/echo")
	operation := string(must(json.Marshal(doc["paths"])))
	require.Contains(t, operation, ProblemType)
	require.Contains(t, operation, `"400":{"content":{"application/problem+json"`, "for a query that is wrong")

	resp = get(s, "/docs")
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, string(page), "<code>/v1/echo</code>")
	require.Contains(t, string(page), "How many.")
	require.Regexp(t, `(?s)<code>name</code>.*body, required.*Who\..*<code>extra</code>.*What else\.`, string(page))
	require.Contains(t, string(page), "Bell &lt;1&gt;")
	require.NotContains(t, string(page), "https://")
}

func TestMetricsCountByRouteOnly(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	s, _ := newTest(t, Options{Registerer: reg})
	s.Echo.GET("/c/:name", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	for _, path := range []string{"/c/1", "/c/2", "/x", "/y"} {
		get(s, path)
	}
	do(s, httptest.NewRequest("BREW", "/x", nil))
	n, err := testutil.GatherAndCount(reg, "bellhop_http_request_duration_seconds")
	require.NoError(t, err)
	require.Equal(t, 3, n, "one route, GET of none, another method of none")

	_, err = New(Options{Registerer: reg})
	require.Error(t, err)
}
