package app

import (
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestChatThatIsOpenIsRead: what somebody looks at is not unread, and the list of
// chats has what was said last, by whomever.
func TestChatThatIsOpenIsRead(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	mina := firstGuest(t, h.URL())
	mina.signIn("mina", "#/community")
	mina.eventually(unread, 3)
	mina.goTo("#/chat/jonas")
	mina.eventually(unread, 2) // the message of the examples
	last := func(who string) string {
		return `document.querySelector("[data-talk=` + who + `] .last")?.textContent ?? ""`
	}
	mina.eventually(last("jonas"), "Is Saturday at three still good?")
	mina.write("#say", "Half past is better.")
	mina.click(".say .primary")
	mina.eventually(last("jonas"), "Half past is better.")

	jonas := mina.another()
	jonas.signIn("jonas", "#/chat/mina")
	jonas.write("#say", "Half past it is.")
	jonas.click(".say .primary")
	jonas.eventually(last("mina"), "Half past it is.")
	_, err := chromedp.Call(mina.tab, page.BringToFront, cdp.Empty{}) // what is behind is not seen
	require.NoError(t, err)
	mina.eventually(last("jonas"), "Half past it is.")
	mina.eventually(unread, 2)
	mina.goTo("#/community")
	jonas.write("#say", "Bring treats.")
	jonas.click(".say .primary")
	mina.eventually(unread, 3)
}

// TestListOfRafflesIsCurrent in every window: what has begun and what is over.
func TestListOfRafflesIsCurrent(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	sora := firstGuest(t, h.URL())
	sora.signIn("sora", "#/raffle/1")
	visitor := sora.another()
	visitor.visit("#/raffle/1")
	listed := `[...document.querySelectorAll(".all-raffles .tag")].map((e) => e.textContent.replace(/ · .*/, " · somebody"))`
	visitor.eventually(listed, []string{"running"})
	sora.click("#draw")
	sora.waitFor("#winner h2")
	for _, g := range []guest{sora, visitor} {
		g.eventually(listed, []string{"over · somebody"})
	}
	sora.click(".raffle-end summary")
	sora.write("#new-raffle input", "A bone")
	sora.click("#new-raffle .primary")
	visitor.eventually(listed, []string{"running", "over · somebody"})
}

// TestSignedInPageBeginsAtItsTop, and what takes the focus is not under the bar.
func TestSignedInPageBeginsAtItsTop(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	g := firstGuest(t, h.URL())
	g.do(chromedp.EmulateViewport(390, 700))
	below := func(selector string) string {
		return `document.querySelector("` + selector + `").getBoundingClientRect().top >= document.querySelector("#bar").getBoundingClientRect().bottom`
	}
	g.visit("")
	g.click("[data-person=tomas]") // scrolls to it
	g.live()
	g.eventually(`scrollY`, 0)
	g.eventually(below("h1"), true)
	g.eventually(`(scrollTo(0, 400), document.querySelector("#skip").click(), true)`, true)
	g.eventually(below("#main h1"), true)
	g.eventually(`(scrollTo(0, 900), document.querySelector("#sign-out").click(), true)`, true)
	g.waitFor("[data-person=mina]")
	g.eventually(`scrollY`, 0)
}

// TestBellOfThePageIsBesideItsScrollbar, where scrollbars take room.
func TestBellOfThePageIsBesideItsScrollbar(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	g := guest{t, testenv.Chromium(t, chromedp.Flag("hide-scrollbars", false)), h.URL()}
	g.signIn("mina", "#/community")
	for _, width := range []int64{1280, 390} {
		_, err := chromedp.Call(g.tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1})
		require.NoError(t, err)
		for _, view := range []string{"#/community", "#/chat"} {
			g.goTo(view)
			g.eventually(`(`+bell+`.show(), true)`, true)
			g.eventually(`((p) => [p.left >= 0, p.right <= document.querySelector("#bar").getBoundingClientRect().right])(`+bell+`.shadowRoot.querySelector(".panel").getBoundingClientRect())`, []bool{true, true})
		}
	}
}
