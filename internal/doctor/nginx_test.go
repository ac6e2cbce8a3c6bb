package doctor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWhatIsNoConfigurationIsSaidToBeNone, and that of a site without streams.
func TestWhatIsNoConfigurationIsSaidToBeNone(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"http { server {":                      "is no configuration of Nginx",
		"}":                                    "is no configuration of Nginx",
		"events {} http { server { } }":        "no location passes /v1/stream on",
		"include nginx.conf;":                  "is no configuration of Nginx: files include each other",
		"http { include nowhere/*.conf; }":     "no location passes /v1/stream on",
		"http { server { location / { } } } x": "is no configuration of Nginx",
	} {
		path := filepath.Join(t.TempDir(), "nginx.conf")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		found := Nginx(path, time.Second, 0)
		require.Len(t, found, 1)
		require.False(t, found[0].Good())
		require.Equal(t, says, found[0].Says, text)
	}
}

func TestLocationIsChosenAsNginxDoes(t *testing.T) {
	t.Parallel()
	for conf, want := range map[string]string{
		"location / {} location /v1/ {}":                        "/v1/",
		"location /v1/ {} location = /v1/stream {}":             "/v1/stream",
		"location /v1/ {} location ~ ^/v1/(stream|x)$ {}":       "^/v1/(stream|x)$",
		"location ^~ /v1/ {} location ~* STREAM {}":             "/v1/",
		"location / {} location ~* \"STREAM$\" {}":              "STREAM$",
		"# location /v1/ {}\nlocation / { add_header a ${b}; }": "/",
	} {
		server := new(directive)
		require.NoError(t, new(nginxFiles).parse(server, conf, 0), conf)
		l := server.locationOf("/v1/stream")
		require.NotNil(t, l, conf)
		require.Equal(t, want, l.args[len(l.args)-1], conf)
	}
}

//fuzz:least 3000
func FuzzNginxConfiguration(f *testing.F) {
	f.Add("http { server { listen 443 ssl; location = /v1/stream { proxy_pass http://g; gzip on; } } }")
	f.Add("location { } \"a\\\"b\" ${x} '")
	f.Fuzz(func(_ *testing.T, text string) {
		top := new(directive)
		c := nginxFiles{printed: map[string]string{"/a.conf": text}}
		if c.parse(top, text, 0) == nil {
			for _, l := range top.streamLocations() {
				l.judge(time.Second)
			}
			top.shutdown(0)
		}
	})
}
