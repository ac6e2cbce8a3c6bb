package demo

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

func TestAnswersOfTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	long := strings.Repeat("x", 2001)
	for _, tt := range []struct {
		person, method, path, body string
		status                     int
	}{
		{"", "POST", "/demo/token", `{"user":"mina"}`, 200},
		{"", "POST", "/demo/token", `{"user":"mi na"}`, 422},
		{"", "POST", "/demo/token", `{"user":`, 400},
		{"", "POST", "/demo/token", `{"user":"` + strings.Repeat("x", 65<<10) + `"}`, 413},
		{"", "GET", "/api/v1/people", ``, 200},
		{"", "GET", "/api/v1/vitals", ``, 200},
		{"", "GET", "/api/v1/nothing", ``, 404},
		{"", "DELETE", "/api/v1/posts", ``, 404},

		{"", "GET", "/api/v1/posts", ``, 200},
		{"", "GET", "/api/v1/posts?board=adopt", ``, 200},
		{"", "GET", "/api/v1/posts?board=nowhere", ``, 404},
		{"", "GET", "/api/v1/posts/1", ``, 200},
		{"", "GET", "/api/v1/posts/99", ``, 404},
		{"", "GET", "/api/v1/posts/one", ``, 404},
		{"mina", "POST", "/api/v1/posts", `{"board":"talk","title":"Hi","text":"Hello","picture":"none"}`, 201},
		{"", "POST", "/api/v1/posts", `{"board":"talk","title":"Hi","text":"Hello","picture":"none"}`, 401},
		{"mina", "POST", "/api/v1/posts", `{"board":"nowhere","title":"Hi","text":"Hello","picture":"none"}`, 422},
		{"mina", "POST", "/api/v1/posts", `{"board":"talk","title":"","text":"Hello","picture":"none"}`, 422},
		{"mina", "POST", "/api/v1/posts", `{"board":"talk","title":"Hi","text":"` + long + `","picture":"none"}`, 422},
		{"mina", "POST", "/api/v1/posts", `[]`, 400},
		{"mina", "POST", "/api/v1/posts/1/comments", `{"text":"Hi"}`, 201},
		{"mina", "POST", "/api/v1/posts/1/comments", `{"text":"Hi","parent":1}`, 201},
		{"mina", "POST", "/api/v1/posts/1/comments", `{"text":"Hi","parent":99}`, 404},
		{"mina", "POST", "/api/v1/posts/1/comments", `{"text":"  "}`, 422},
		{"mina", "POST", "/api/v1/posts/x/comments", `{"text":"Hi"}`, 404},
		{"mina", "POST", "/api/v1/posts/1/comments", `no`, 400},
		{"", "POST", "/api/v1/posts/1/comments", `{"text":"Hi"}`, 401},
		{"nobody", "DELETE", "/api/v1/comments/1", ``, 403},
		{"mina", "DELETE", "/api/v1/comments/99", ``, 404},
		{"mina", "DELETE", "/api/v1/comments/x", ``, 404},
		{"", "DELETE", "/api/v1/comments/1", ``, 401},
		{"mina", "PUT", "/api/v1/posts/1/like", ``, 200},
		{"mina", "DELETE", "/api/v1/posts/1/like", ``, 200},
		{"mina", "PUT", "/api/v1/posts/99/like", ``, 404},
		{"mina", "PUT", "/api/v1/posts/x/like", ``, 404},
		{"", "PUT", "/api/v1/posts/1/like", ``, 401},

		{"mina", "GET", "/api/v1/notes", ``, 200},
		{"", "GET", "/api/v1/notes", ``, 401},
		{"mina", "POST", "/api/v1/notes", `{"to":"jonas","text":"Hi"}`, 201},
		{"mina", "POST", "/api/v1/notes", `{"to":"jo nas","text":"Hi"}`, 422},
		{"mina", "POST", "/api/v1/notes", `{"to":"jonas","text":""}`, 422},
		{"mina", "POST", "/api/v1/notes", `7`, 400},
		{"mina", "GET", "/api/v1/chats", ``, 200},
		{"mina", "GET", "/api/v1/chats/jonas", ``, 200},
		{"mina", "GET", "/api/v1/chats/jo%20nas", ``, 422},
		{"mina", "POST", "/api/v1/chats/jonas", `{"text":"Hi"}`, 201},
		{"mina", "POST", "/api/v1/chats/mina", `{"text":"Hi"}`, 422},
		{"mina", "POST", "/api/v1/chats/jo%20nas", `{"text":"Hi"}`, 422},
		{"mina", "POST", "/api/v1/chats/jonas", `{"text":""}`, 422},
		{"mina", "POST", "/api/v1/chats/jonas", `"Hi"`, 400},

		{"", "GET", "/api/v1/projects", ``, 200},
		{"sora", "GET", "/api/v1/applications", ``, 200},
		{"", "GET", "/api/v1/applications", ``, 401},
		{"mina", "POST", "/api/v1/projects", `{"title":"A","text":"B","seats":3}`, 201},
		{"mina", "POST", "/api/v1/projects", `{"title":"A","text":"B","seats":0}`, 422},
		{"mina", "POST", "/api/v1/projects", `{"title":"","text":"B","seats":3}`, 422},
		{"mina", "POST", "/api/v1/projects", `{"title":"A","text":"","seats":3}`, 422},
		{"mina", "POST", "/api/v1/projects", `{"seats":"three"}`, 400},
		{"mina", "POST", "/api/v1/projects/2/applications", `{"text":"Me"}`, 201},
		{"mina", "POST", "/api/v1/projects/2/applications", `{"text":"Me"}`, 409},
		{"mina", "POST", "/api/v1/projects/2/applications", `{"text":""}`, 422},
		{"mina", "POST", "/api/v1/projects/2/applications", `Me`, 400},
		{"mina", "POST", "/api/v1/projects/x/applications", `{"text":"Me"}`, 404},
		{"mina", "POST", "/api/v1/applications/2/decision", `{"accept":true}`, 403},
		{"sora", "POST", "/api/v1/applications/2/decision", `{"accept":true}`, 200},
		{"sora", "POST", "/api/v1/applications/2/decision", `{"accept":true}`, 409},
		{"sora", "POST", "/api/v1/applications/2/decision", `yes`, 400},
		{"sora", "POST", "/api/v1/applications/x/decision", `{"accept":true}`, 404},

		{"", "GET", "/api/v1/raffles", ``, 200},
		{"", "GET", "/api/v1/raffles/1", ``, 200},
		{"", "GET", "/api/v1/raffles/x", ``, 404},
		{"", "POST", "/api/v1/raffles/1/participate", ``, 201},
		{"", "POST", "/api/v1/raffles/9/participate", ``, 404},
		{"", "POST", "/api/v1/raffles/x/participate", ``, 404},
		{"", "POST", "/api/v1/raffles", `{"prize":"A bone"}`, 401},
		{"mina", "POST", "/api/v1/raffles", `{"prize":"A bone"}`, 201},
		{"mina", "POST", "/api/v1/raffles", `{"prize":""}`, 422},
		{"mina", "POST", "/api/v1/raffles", `{"prize":7}`, 400},
		{"", "POST", "/api/v1/raffles/1/draw", ``, 401},
		{"mina", "POST", "/api/v1/raffles/x/draw", ``, 404},
		{"mina", "POST", "/api/v1/raffles/2/draw", ``, 409},
		{"mina", "POST", "/api/v1/raffles/1/draw", ``, 200},
		{"mina", "POST", "/api/v1/raffles/1/participate", ``, 409},
		{"", "POST", "/api/v1/raffles/1/crowd", ``, 401},
		{"mina", "POST", "/api/v1/raffles/x/crowd", ``, 404},
		{"mina", "POST", "/api/v1/raffles/9/crowd", ``, 404},
	} {
		r.do(tt.status, tt.person, tt.method, tt.path, tt.body)
	}
}

func TestTokensAreBelievedIfTheyAreOurs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sign := func(method jwt.SigningMethod, key any, subject string, life time.Duration) string {
		token, err := jwt.NewWithClaims(method, jwt.RegisteredClaims{
			Subject: subject, ExpiresAt: jwt.NewNumericDate(time.Now().Add(life)),
		}).SignedString(key)
		require.NoError(t, err)
		return "Bearer " + token
	}
	good := sign(jwt.SigningMethodHS256, []byte(secret), "mina", time.Minute)
	for _, tt := range []struct {
		name, header string
		status       int
	}{
		{"ours", good, 200},
		{"none", "", 401},
		{"no bearer", "Basic bWluYTptaW5h", 401},
		{"over", sign(jwt.SigningMethodHS256, []byte(secret), "mina", -time.Minute), 401},
		{"another key", sign(jwt.SigningMethodHS256, []byte("another"), "mina", time.Minute), 401},
		{"another method", sign(jwt.SigningMethodHS512, []byte(secret), "mina", time.Minute), 401},
		{"no signature", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "mina", time.Minute), 401},
		{"no name", sign(jwt.SigningMethodHS256, []byte(secret), "m/../", time.Minute), 401},
		{"nonsense", "Bearer x", 401},
	} {
		req := httptest.NewRequest(http.MethodGet, "/api/v1/notes", http.NoBody)
		if tt.header != "" {
			req.Header.Set("Authorization", tt.header)
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		require.Equal(t, tt.status, w.Code, tt.name)
	}
	// A bad token is a mistake even where none is needed: whoever sends it believes
	// to be somebody.
	req := httptest.NewRequest(http.MethodGet, "/api/v1/posts", http.NoBody)
	req.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	require.Equal(t, http.StatusUnauthorized, w.Code)
	require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
}

func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, header := range [][2]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		req := httptest.NewRequest(http.MethodPost, "/demo/token", strings.NewReader(`{"user":"mina"}`))
		req.Header.Set(header[0], header[1])
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		require.Equal(t, http.StatusForbidden, w.Code)
		require.Contains(t, w.Body.String(), "its own page only")
	}
}

// TestExamplesAreThereOnce, with notifications for the people in them.
func TestExamplesAreThereOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	posts, ok := r.do(200, "", "GET", "/api/v1/posts", "")["posts"].([]any)
	require.True(t, ok)
	require.Len(t, posts, 5)
	require.Eventually(t, func() bool { return len(r.paper.on("raffle:1")) == 6 }, patience, tick)
	require.Equal(t, []string{"reply", "note", "chat"}, r.paper.on("user:mina"))
	require.NoError(t, seed(t.Context(), r.db, time.Now()))
	again, ok := r.do(200, "", "GET", "/api/v1/posts", "")["posts"].([]any)
	require.True(t, ok)
	require.Len(t, again, 5)
}

// TestCrowdComesInOneAfterTheOther, and one crowd at a time.
func TestCrowdComesInOneAfterTheOther(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.do(201, "mina", "POST", "/api/v1/raffles/1/crowd", "")
	r.do(409, "mina", "POST", "/api/v1/raffles/1/crowd", "")
	require.Eventually(t, func() bool { return len(r.paper.on("raffle:1")) >= 6+3 }, patience, tick)
	r.do(200, "mina", "POST", "/api/v1/raffles/1/draw", "")
	// The rest of them stays away, and another crowd may come.
	require.Eventually(t, func() bool { return r.send("mina", "POST", "/api/v1/raffles/1/crowd", "").Code == http.StatusCreated }, patience, tick)
	require.Eventually(t, func() bool {
		return len(r.paper.on("raffle:1")) > 0 && r.paper.on("raffle:1")[len(r.paper.on("raffle:1"))-1] == "winner"
	}, patience, tick)
}

func TestVitalsTellStreamsAndConnectionsApart(t *testing.T) {
	t.Parallel()
	known := true
	r := newRig(t, func(c *Config) { c.Streams = func(context.Context) (int, bool) { return 10_000, known } })
	v := r.do(200, "", "GET", "/api/v1/vitals", "")
	require.InDelta(t, 10_000, v["streams"], 0)
	pool, ok := v["pool"].(map[string]any)
	require.True(t, ok)
	require.InDelta(t, 4, pool["max"], 0)
	known = false
	require.Nil(t, r.do(200, "", "GET", "/api/v1/vitals", "")["streams"])
}

func TestPageIsServedWithTheClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.Contains(t, r.Paths(), "/")
	for _, path := range []string{"/", "/js/main.js", "/css/base.css", "/icons/comment.svg", "/bellhop.js", "/bellhop-bell.js"} {
		require.Contains(t, r.Paths(), path)
		w := r.send("", "GET", path, "")
		require.Equal(t, http.StatusOK, w.Code, path)
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	}
	require.Equal(t, http.StatusNotFound, r.send("", "GET", "/nothing", "").Code)
}

func TestDemoNeedsASecretAndADatabase(t *testing.T) {
	t.Parallel()
	_, err := New(t.Context(), Config{Database: filepath.Join(t.TempDir(), "demo.db")})
	require.ErrorContains(t, err, "secret")
	_, err = New(t.Context(), Config{Database: t.TempDir(), Secret: secret})
	require.ErrorContains(t, err, "database")
}

// TestFailuresAreNotExplained to whoever asked.
func TestFailuresAreNotExplained(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.db.Exec(`DROP TABLE notes`)
	require.NoError(t, err)
	require.Equal(t, "something went wrong", r.do(500, "mina", "GET", "/api/v1/notes", "")["detail"])
}
