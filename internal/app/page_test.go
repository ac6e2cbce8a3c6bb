package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testenv"
)

// guest is somebody at a window of the page.
type guest struct {
	t   *testing.T
	tab context.Context
}

func (g guest) do(steps ...chromedp.Action[chromedp.Void]) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.tab, patience)
	defer cancel()
	require.NoError(g.t, chromedp.Do(ctx, steps...))
}

func (g guest) waitFor(selector string) {
	g.t.Helper()
	g.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}
func (g guest) click(selector string) { g.t.Helper(); g.do(chromedp.Click(chromedp.CSS(selector))) }

func (g guest) text(selector string) string {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.tab, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.TextContent(chromedp.CSS(selector)))
	require.NoError(g.t, err)
	return text
}

// signIn signs in by clicking and waits until the stream is live.
func (g guest) signIn(url, name string) {
	g.t.Helper()
	g.do(chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#name")))
	g.do(chromedp.SendKeys(chromedp.CSS("#name"), name))
	g.click("#sign-in .primary")
	g.live()
	require.Equal(g.t, name, g.text("#user"))
}

func (g guest) live() { g.t.Helper(); g.waitFor("#state[data-state=live]") }

// send sends a message and waits until the log has it.
func (g guest) send(to, message string) {
	g.t.Helper()
	g.do(chromedp.SetValue(chromedp.CSS("#to"), to), chromedp.SendKeys(chromedp.CSS("#text"), message))
	g.click("#send .primary")
	// The form is emptied once the answer is there.
	g.do(chromedp.WaitVisible(chromedp.CSS("#text:placeholder-shown")))
	require.Contains(g.t, g.text("#send-result"), "Kept as #")
}

// inbox is the messages that are shown, the newest first.
func (g guest) inbox() []string {
	g.t.Helper()
	texts, err := chromedp.Run(g.tab, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll("#events .text")].map((e) => e.textContent)`))
	require.NoError(g.t, err)
	return texts
}

func (g guest) eventuallyHas(messages ...string) {
	g.t.Helper()
	require.Eventually(g.t, func() bool {
		return strings.Join(g.inbox(), "|") == strings.Join(messages, "|")
	}, patience, tick, "want %q", messages)
}

// TestPersonRingsTheirOwnBell is the page's first minute: sign in, send, see it
// arrive. The pictures go to the folder of `go test -artifacts`.
func TestPersonRingsTheirOwnBell(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	mina := guest{t, testenv.Chromium(t)}
	mina.signIn(h.URL(), "mina")
	require.Equal(t, "mina", mina.text("#user"))
	require.Empty(t, mina.inbox())
	require.Regexp(t, `^0\.[0-9a-z]+@user:mina$`, mina.text("#cursor"))

	mina.send("mina", "Your taxi is here")
	mina.eventuallyHas("Your taxi is here")
	require.Regexp(t, `^1\.[0-9a-z]+@user:mina$`, mina.text("#cursor"))
	require.Regexp(t, `^\d+ ms$`, mina.text("#latency"))
	require.Contains(t, mina.text("#wire"), "event: note\n")
	takePictures(mina)

	mina.do(chromedp.Reload())
	mina.live()
	mina.eventuallyHas("Your taxi is here")

	mina.click("#sign-out")
	mina.waitFor("#name")
}

// takePictures shows the page as it looks wide and narrow, by day and by night.
func takePictures(g guest) {
	g.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(g.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		require.NoError(g.t, err)
		for name, width := range map[string]int64{"wide": 1280, "narrow": 390} {
			g.do(chromedp.EmulateViewport(width, 800))
			png, err := chromedp.Run(g.tab, chromedp.FullScreenshot(100))
			require.NoError(g.t, err)
			overflow, err := chromedp.Run(g.tab, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
			require.NoError(g.t, err)
			require.False(g.t, overflow, "the page is wider than a %s window", name)
			file := filepath.Join(g.t.ArtifactDir(), scheme+"-"+name+".png")
			require.NoError(g.t, os.WriteFile(file, png, 0o600))
		}
	}
}

// TestTwoWindowsAcrossARestart: two people in two windows of one browser, which
// share the cookie. One of them is away for a while, the server is restarted,
// and nothing is lost or shown to the wrong person.
func TestTwoWindowsAcrossARestart(t *testing.T) {
	t.Parallel()
	db := freshDB(t)
	h := startBellhop(t, "--sqlite="+db)
	mina := guest{t, testenv.Chromium(t)}
	second, closeSecond := chromedp.NewContext(mina.tab)
	defer closeSecond()
	require.NoError(t, chromedp.Do(second)) // open it: with a step's context it would close with the step
	jonas := guest{t, second}
	mina.signIn(h.URL(), "mina")
	jonas.signIn(h.URL(), "jonas")

	mina.send("jonas", "one")
	jonas.eventuallyHas("one")
	jonas.send("mina", "two")
	mina.eventuallyHas("two")

	jonas.click("#away")
	mina.send("jonas", "three")
	jonas.eventuallyHas("one")
	jonas.click("#away")
	jonas.live()
	jonas.eventuallyHas("three", "one")
	jonas.waitFor(".event.missed")

	require.NoError(t, h.stop())
	mina.waitFor("#state[data-state=wait]")
	startBellhop(t, "--sqlite="+db, "--listen="+h.public.Addr().String())
	mina.live()
	jonas.live()
	mina.send("jonas", "four")
	jonas.send("mina", "five")
	jonas.eventuallyHas("four", "three", "one")
	mina.eventuallyHas("five", "two")
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	mina := guest{t, testenv.Chromium(t)}
	mina.signIn(h.URL(), "mina")
	require.NoError(t, h.stop())
	mina.do(chromedp.SendKeys(chromedp.CSS("#text"), "hello?"))
	mina.click("#send .primary")
	mina.waitFor("#send-result.error")
}
