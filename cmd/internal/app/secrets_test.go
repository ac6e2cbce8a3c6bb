package app

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestTokensAppearNowhere sends tokens, good and bad, in every place where one
// may stand or be put by mistake, to a process that logs all it can. No part of
// one comes back in an answer, a log line or a metric; only the cookie, for
// which it was asked.
func TestTokensAppearNowhere(t *testing.T) {
	t.Parallel()
	const (
		key    = "secret-marker-0123456789abcdef0123456789"
		marker = "xX-MARKER-Xx"
	)
	cmd, stderr, base := startProcess(t, "--log-level=debug", "--access-token-query=on", "--demo=off",
		"--jwt-secret="+key, "--service-keys=forum="+marker+"-service-key", "--admin-listen=127.0.0.1:0")
	token, err := auth.SignToken(key, auth.Claims{Subject: "mina", Expires: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	signature := token[strings.LastIndexByte(token, '.')+1:]
	bad := token[:len(token)-len(signature)] + marker

	var answers strings.Builder
	ask := func(method, path string, header ...string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, http.NoBody)
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		if resp.Header.Get("Content-Type") != "text/event-stream" {
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			answers.Write(body)
		}
		require.NoError(t, resp.Header.Write(&answers))
		require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
		return resp.StatusCode
	}
	require.Equal(t, 200, ask("GET", "/v1/stream?access_token="+token))
	require.Equal(t, 200, ask("GET", "/v1/stream", "Authorization", "Bearer "+token))
	for _, given := range []string{bad, marker, url.QueryEscape("a b;" + marker), "%00" + marker, token + marker} {
		require.Equal(t, 401, ask("GET", "/v1/stream?access_token="+given))
		require.Equal(t, 401, ask("GET", "/v1/channels/user:mina/events?access_token="+given))
		require.Equal(t, 401, ask("GET", "/v1/stream", "Authorization", "Bearer "+given))
		require.Equal(t, 401, ask("GET", "/v1/stream", "Cookie", "bellhop_session="+given))
		require.Equal(t, 401, ask("POST", "/v1/session", "Authorization", "Bearer "+given))
		require.Equal(t, 401, ask("POST", "/v1/events", "Authorization", "Bearer "+given, "Content-Type", "application/json"))
	}
	require.Equal(t, 400, ask("GET", "/v1/stream?access_token="+marker+"%zz"))
	require.Equal(t, 400, ask("GET", "/v1/stream?lastEventId="+marker+"&access_token="+token))
	require.Equal(t, 401, ask("GET", "/v1/stream", "Authorization", marker))
	require.Equal(t, 405, ask("PUT", "/v1/stream?access_token="+marker))
	require.Equal(t, 404, ask("GET", "/v1/nowhere?access_token="+marker))
	require.NotEqual(t, 200, ask("GET", "/v1/events?access_token="+marker))

	require.Contains(t, stderr.String(), "path=/v1/stream", "the log is on")
	base = regexp.MustCompile(`admin=(\S+)`).FindStringSubmatch(stderr.String())[1]
	resp, err := http.Get(base + "/metrics")
	require.NoError(t, err)
	metrics, err := io.ReadAll(resp.Body)
	require.NoError(t, errors.Join(err, resp.Body.Close()))
	http.DefaultClient.CloseIdleConnections()
	require.Contains(t, string(metrics), "bellhop_streams_refused_total")
	for what, text := range map[string]string{"answers": answers.String(), "log": stderr.String(), "metrics": string(metrics)} {
		for _, secret := range []string{marker, signature, key} {
			require.NotContains(t, text, secret, what)
		}
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
}
