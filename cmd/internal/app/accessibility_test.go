package app

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestDemoIsAccessible on every page, for visitors and for people, by day and by
// night, wide and narrow, and with all that opens open.
func TestDemoIsAccessible(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	g := firstGuest(t, h.URL())
	for _, as := range []string{"", "?as=mina"} {
		g.visit(as)
		for i, page := range []string{"", "community", "posts/1", "notes", "chat", "study", "raffle", "nowhere"} {
			g.show(page)
			scheme := []string{"light", "dark"}[i%2]
			_, err := chromedp.Call(g.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: scheme},
					{Name: "prefers-reduced-motion", Value: "reduce"},
				},
			})
			require.NoError(t, err)
			g.do(chromedp.EmulateViewport([]int64{1280, 360}[i/2%2], 800))
			testenv.Accessible(t, g.tab, page, as, scheme)
		}
	}
	g.live()
	g.eventually(`(`+bell+`.show(), document.querySelector("#under").open = true)`, true)
	g.eventually(bell+`.shadowRoot.querySelectorAll(".item").length`, 3)
	testenv.Accessible(t, g.tab, "all that opens")
}

// show goes to a view, also to the one that is shown.
func (g guest) show(page string) {
	g.t.Helper()
	g.do(chromedp.Evaluate[chromedp.Void](`new Promise((resolve) => {
		document.getElementById("main").addEventListener("shown", resolve, { once: true });
		history.replaceState(null, "", "#/`+page+`");
		dispatchEvent(new HashChangeEvent("hashchange"));
	})`, testenv.AwaitPromise))
}
