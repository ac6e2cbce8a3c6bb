package testenv_test

import (
	"bytes"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const nginxConf = `
worker_processes 1;
events { worker_connections 64; }
http {
	access_log off;
	server {
		listen {{.Listen}};
		location / { default_type text/html; return 200 "<title>{{.Title}}</title>"; }
	}
}
`

func TestNginxServesReloadsAndComesBack(t *testing.T) {
	t.Parallel()
	s := testenv.Nginx(t, nginxConf, map[string]any{"Title": "one"})
	require.Equal(t, "<title>one</title>", get(t, s.URL()))

	s.Configure(nginxConf, map[string]any{"Title": "two"})
	s.Reload()
	require.Eventually(t, func() bool { return get(t, s.URL()) == "<title>two</title>" }, waitFor, tick, "%s", s.Output())

	s.Kill()
	_, err := fetch(s.URL())
	require.Error(t, err)
	s.Start()
	require.Equal(t, "<title>two</title>", get(t, s.URL()))
}

func TestChromiumShowsAPage(t *testing.T) {
	t.Parallel()
	s := testenv.Nginx(t, nginxConf, map[string]any{"Title": "shown"})
	tab := testenv.Chromium(t)
	require.NoError(t, chromedp.Do(tab, chromedp.Navigate(s.URL())))
	title, err := chromedp.Run(tab, chromedp.Title())
	require.NoError(t, err)
	require.Equal(t, "shown", title)
}

func TestBrowsersShowAPage(t *testing.T) {
	t.Parallel()
	s := testenv.Nginx(t, nginxConf, map[string]any{"Title": "shown"})
	for _, browser := range testenv.Browsers() {
		t.Run(browser.Name, func(t *testing.T) {
			t.Parallel()
			page := browser.Start(t)
			for _, width := range []int{1024, 390} {
				page.Open(s.URL()+"/page", width, 640)
				require.Equal(t, fmt.Sprintf(`["shown","/page",%d,640]`, width), page.Evaluate("[document.title, location.pathname, innerWidth, innerHeight]"))
				shown, err := png.DecodeConfig(bytes.NewReader(page.Screenshot()))
				require.NoError(t, err)
				require.GreaterOrEqual(t, shown.Width, width)
			}
			page.Resize(300, 200)
			require.Equal(t, "[300,200]", page.Evaluate("[innerWidth, innerHeight]"))
			page.Evaluate(`(window.input = document.createElement("input"), document.body.append(input))`)
			page.Click("input")
			page.Press("h", "i")
			other := page.Another()
			other.Go(s.URL() + "/other")
			require.Equal(t, `"/other"`, other.Evaluate("location.pathname"))
			require.Equal(t, `["/page","hi"]`, page.Evaluate("[location.pathname, input.value]"), "each tab is itself")
			other.Go(s.URL() + "/third")
			other.Back()
			require.Equal(t, `"/other"`, other.Evaluate("location.pathname"))
		})
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	body, err := fetch(url)
	require.NoError(t, err)
	return body
}

func fetch(url string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}
