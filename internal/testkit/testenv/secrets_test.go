package testenv

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	sampleToken  = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtaW5hIn0.c2lnbmF0dXJl"
	sampleSecret = "an-example-of-a-secret"
)

// judge is a test that remembers whether it failed, and can be ended.
type judge struct {
	testing.TB
	cleanups []func()
	failures []string
}

func (j *judge) Helper()           {}
func (j *judge) Cleanup(f func())  { j.cleanups = append(j.cleanups, f) }
func (j *judge) Error(args ...any) { j.failures = append(j.failures, fmt.Sprint(args...)) }
func (j *judge) Errorf(f string, args ...any) {
	j.failures = append(j.failures, fmt.Sprintf(f, args...))
}

// end ends the test and tells how often it failed.
func (j *judge) end() int {
	for _, f := range j.cleanups {
		f()
	}
	return len(j.failures)
}

func TestSearchFindsTokensAndSecrets(t *testing.T) {
	t.Parallel()
	for text, leaks := range map[string]int{
		"":                                    0,
		"level=INFO msg=serving":              0,
		"a request_id=eyJhbGciOiJ":            0,
		"path=/x?access_token=" + sampleToken: 1,
		sampleToken + "\n" + sampleToken:      2,
		sampleToken[:len(sampleToken)-10]:     1, // without its signature
		"key=" + sampleSecret:                 1,
		strings.Repeat(sampleSecret+"\n", 9):  3, // which says enough
		"short is not looked for":             0,
	} {
		j := &judge{TB: t}
		w := Search(j, "a text", sampleSecret, "short", "")
		for i := range len(text) { // a writer may cut anywhere
			_, err := w.Write([]byte{text[i]})
			require.NoError(t, err)
		}
		require.Equal(t, leaks, j.end(), "%q", text)

		j = &judge{TB: t}
		NoSecrets(j, "a text", text, sampleSecret)
		require.Equal(t, leaks, j.end(), "%q", text)
	}
	j := &judge{TB: t}
	log := Logger(j, sampleSecret)
	log.Debug("connected", "address", "redis://:"+sampleSecret+"@host")
	log.Info("connected")
	require.Equal(t, 1, j.end())
	require.Contains(t, j.failures[0], "level=DEBUG")
}

func TestSecretsOfSettings(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"one", "two", "three", "four=", "five", "six", "seven"}, Secrets(
		"BELLHOP_JWT_SECRET=one,two", "--service-keys=forum=three,shop@room=four=", "BELLHOP_LISTEN=:0",
		"BELLHOP_REDIS=redis://:five@host:1", "--mysql-primary=user:six@tcp(h)/b", "BELLHOP_MYSQL_REPLICAS=tcp(h)/b,u:seven@tcp(h)/b",
	))
}

func TestSearchFilesAndMetrics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"output.log": sampleSecret, "access.log": sampleToken, "nginx.conf": sampleSecret, "empty.log": ""} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	j := &judge{TB: t}
	searchFiles(j, dir, []string{sampleSecret})
	searchFiles(j, filepath.Join(dir, "gone"), nil)
	require.Len(t, j.failures, 2)

	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "bellhop_requests{user=%q} 1\n", sampleToken)
	}))
	defer admin.Close()
	j = &judge{TB: t}
	searchMetrics(j, admin.URL, nil)
	require.Len(t, j.failures, 1)
	admin.Close()
	searchMetrics(j, admin.URL, nil)
	searchMetrics(j, "://", nil)
	require.Len(t, j.failures, 2, "an address that is none is the test's mistake; one where nobody is, is not")
}
