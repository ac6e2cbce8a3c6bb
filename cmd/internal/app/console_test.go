package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// Expressions of the console's page.
const (
	fillIn = `((form, values) => {
		for (const [name, value] of Object.entries(values)) {
			form.elements[name].value = value;
			form.elements[name].dispatchEvent(new Event("change", { bubbles: true }));
		}
		form.requestSubmit();
		return true;
	})(document.querySelector("%s"), %s)`
	fits = `document.documentElement.scrollWidth <= innerWidth`
)

// startConsole starts a bellhop whose person 42 has a stream.
func startConsole(t *testing.T) (h *hotel, page string) {
	t.Helper()
	h = startBellhop(t, "--sqlite="+freshDB(t), "--jwt-secret="+fleetSecret, "--service-keys=ops@admin="+opsKey)
	eventuallyReady(t, h.Service)
	openStream(t, h.URL(), "topic:a", "Authorization", bearer(t, "42")).waitFor("bellhop.ready")
	return h, h.AdminURL() + "/console/"
}

// TestConsoleShowsAnEventsWay, and lets an operator act, in each language and scheme, wide
// and narrow, for everybody.
func TestConsoleShowsAnEventsWay(t *testing.T) {
	t.Parallel()
	h, page := startConsole(t)
	g := firstGuest(t, h.AdminURL())
	look := func(name string, width int64, scheme string) {
		t.Helper()
		_, err := chromedp.Call(g.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		require.NoError(t, err)
		g.do(chromedp.EmulateViewport(width, 900))
		g.eventually(fits, true)
		testenv.Accessible(t, g.tab, name, scheme)
		picture, err := chromedp.Run(g.tab, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), picture, 0o600))
	}
	g.do(chromedp.Navigate(page), chromedp.WaitVisible(chromedp.CSS("#health.good")))
	g.eventually(`document.querySelectorAll("#fleet tbody tr").length`, 2)
	g.eventually(`document.querySelector("#sign-in").hidden`, true)
	g.eventually(`[...document.querySelectorAll("#sum dd")].map((value) => value.textContent).filter((text) => ["1", "0 of 2", "not used"].includes(text)).length`, 3)

	g.eventually(fmt.Sprintf(fillIn, "#test", `{ channel: "user:42", data: '{"title":"Hi"}' }`), true)
	g.eventually(`document.querySelector(".why")?.textContent.includes("handed over to 1 stream")`, true)
	g.eventually(`[...document.querySelectorAll(".way li")].map((step) => step.classList.contains("missing"))`, []bool{false, false, false, false, false, true})
	look("event", 1280, "light")
	g.eventually(`(scrollTo(0, 0), scrollY)`, 0)
	look("fleet", 390, "light")
	look("event", 390, "dark")

	g.eventually(fmt.Sprintf(fillIn, "#search", `{ kind: "user", name: "42" }`), true)
	g.waitFor("#disconnect")
	look("person", 1280, "dark")
	g.eventually(`(window.confirm = () => true)()`, true)
	g.click("#disconnect")
	g.waitFor("#let-in")
	look("locked-out", 390, "light")
	g.click("#let-in")
	g.eventually(`[document.querySelector("#said").textContent, document.querySelector("#let-in")]`, []any{"Done.", nil})
	g.eventually(fmt.Sprintf(fillIn, "#search", `{ kind: "event", name: "user:42", seq: "99" }`), true)
	g.eventually(`document.querySelector(".why")?.textContent.includes("No such event")`, true)
	g.eventually(fmt.Sprintf(fillIn, "#search", `{ kind: "channel", name: "nonsense" }`), true)
	g.eventually(`document.querySelector("#said.bad")?.textContent.includes("want namespace:key")`, true)

	g.eventually(`((select) => { select.value = "ko"; return select.dispatchEvent(new Event("change")); })(document.querySelector("#language"))`, true)
	g.eventually(`document.querySelector("#fleet-title").textContent`, "전체 프로세스")
	g.eventually(fmt.Sprintf(fillIn, "#search", `{ kind: "channel", name: "user:42" }`), true)
	g.click("#found button.link")
	g.waitFor(".way")
	look("korean", 390, "light")
	look("korean", 1280, "dark")
}

// TestConsoleWorksInFirefox as well, for everybody, in each scheme, wide and narrow, and what is not its page needs the key.
func TestConsoleWorksInFirefox(t *testing.T) {
	t.Parallel()
	_, page := startConsole(t)
	for key, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, opsKey: http.StatusOK} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+"api/v1/admin/fleet", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, key)
	}
	for _, browser := range testenv.Browsers() {
		if browser.Name != "firefox" {
			continue
		}
		p := browser.Start(t)
		p.Go(page)
		until := func(expression string) {
			t.Helper()
			require.Eventually(t, func() bool { return p.Evaluate(expression) == "true" }, patience, tick, expression)
		}
		until(`document.querySelectorAll("#fleet tbody tr").length === 2`)
		p.Evaluate(fmt.Sprintf(fillIn, "#test", `{ channel: "user:42", data: "1" }`))
		until(`document.querySelector(".why")?.textContent.includes("handed over to 1 stream")`)
		until(fits)
		picture := func(name string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), p.Screenshot(), 0o600))
		}
		front := framed(t, strings.TrimSuffix(page, "/console/")) + "/console/"
		for _, width := range []int{1280, 390} {
			p.Open(front, width, 900)
			until(`document.querySelectorAll("#fleet tbody tr").length === 2`)
			p.Evaluate(fmt.Sprintf(fillIn, "#search", `{ kind: "user", name: "42" }`))
			until(`document.querySelector("#disconnect") !== null && ` + fits)
			until(fmt.Sprintf(`innerWidth === %d`, width))
			for _, scheme := range []string{"light", "dark"} {
				until(fmt.Sprintf(`(document.documentElement.style.colorScheme = %q) !== ""`, scheme))
				name := fmt.Sprintf("firefox-%d-%s", width, scheme)
				p.Accessible(name)
				picture(name)
			}
		}
	}
}
