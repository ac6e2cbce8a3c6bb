package rival

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// mercure is Mercure's hub, which keeps events in memory (see the folder mercure).
func mercure(b *testing.B, file string) *server {
	b.Helper()
	secret := strings.Repeat("m", 32)
	address := testenv.Address(b)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"mercure": map[string]any{"publish": []string{"*"}}}).SignedString([]byte(secret))
	require.NoError(b, err)
	return &server{
		name: "Mercure", address: address, target: "/.well-known/mercure?topic=", ready: ":",
		pid: launch(b, address, exec.CommandContext(b.Context(), file, address, secret)),
		request: func(b *testing.B, channel string, data []byte) *http.Request {
			b.Helper()
			form := url.Values{"topic": {channel}, "data": {string(data)}}
			req := post(b, "http://"+address+"/.well-known/mercure", []byte(form.Encode()))
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return req
		},
	}
}

// centrifugo keeps events in memory too, the newest hundred of each channel for five
// minutes, so that clients that come back miss none.
func centrifugo(b *testing.B, file string) *server {
	b.Helper()
	address := testenv.Address(b)
	host, port, err := net.SplitHostPort(address)
	require.NoError(b, err)
	cmd := exec.CommandContext(b.Context(), file)
	cmd.Dir = b.TempDir()
	cmd.Env = append(os.Environ(),
		"CENTRIFUGO_HTTP_SERVER_ADDRESS="+host, "CENTRIFUGO_HTTP_SERVER_PORT="+port, "CENTRIFUGO_HTTP_API_KEY="+serviceKey,
		"CENTRIFUGO_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN=true", "CENTRIFUGO_UNI_SSE_ENABLED=true", "CENTRIFUGO_LOG_LEVEL=warn",
		"CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_CLIENT=true",
		"CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_ANONYMOUS=true",
		"CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE=100", "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL=300s",
	)
	return &server{
		name: "Centrifugo", address: address, ready: `data: {"connect":`, pid: launch(b, address, cmd),
		target: "/connection/uni_sse?cf_connect=" + url.QueryEscape(`{"subs":{"`), end: url.QueryEscape(`":{}}}`),
		request: func(b *testing.B, channel string, data []byte) *http.Request {
			b.Helper()
			req := post(b, "http://"+address+"/api/publish", fmt.Appendf(nil, `{"channel":%q,"data":%s}`, channel, data))
			req.Header.Set("X-Api-Key", serviceKey)
			req.Header.Set("Content-Type", "application/json")
			return req
		},
	}
}

// launch starts a program that ends with the benchmark, and waits until it listens.
func launch(b *testing.B, address string, cmd *exec.Cmd) (pid int) {
	b.Helper()
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	b.Cleanup(func() { _ = cmd.Wait() }) // it was killed: b's context has ended by then
	require.Eventually(b, func() bool {
		nc, err := net.Dial("tcp", address)
		return err == nil && nc.Close() == nil
	}, time.Minute, 10*time.Millisecond, "%s does not listen", cmd.Path)
	return cmd.Process.Pid
}
