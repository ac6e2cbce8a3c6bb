package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// guest is somebody at a window of the demo's page.
type guest struct {
	t   *testing.T
	tab context.Context
	url string
}

// firstGuest opens a browser.
func firstGuest(t *testing.T, url string) guest {
	t.Helper()
	return guest{t, testenv.Chromium(t), url}
}

// another opens a further window of the same browser. The two share all that the
// windows of a browser share.
func (g guest) another() guest {
	g.t.Helper()
	tab, closeTab := chromedp.NewContext(g.tab)
	g.t.Cleanup(closeTab)
	require.NoError(g.t, chromedp.Do(tab)) // open it: with a step's context it would close with the step
	return guest{g.t, tab, g.url}
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

func (g guest) click(selector string) {
	g.t.Helper()
	g.do(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// write types a text into the one control of a selector.
func (g guest) write(selector, text string) {
	g.t.Helper()
	g.waitFor(selector)
	g.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// result is what a page said last. It is printed once a test gives up, while it
// may still be asked.
type result struct {
	mu   sync.Mutex
	text string
	err  error
}

func (r *result) set(text string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text, r.err = text, err
}

func (r *result) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err.Error()
	}
	return r.text
}

// eventually waits until an expression of the page is as wanted.
func (g guest) eventually(expression string, want any) {
	g.t.Helper()
	wanted, err := json.Marshal(want)
	require.NoError(g.t, err)
	var have result
	require.Eventually(g.t, func() bool {
		ctx, cancel := context.WithTimeout(g.tab, patience)
		defer cancel()
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("JSON.stringify("+expression+")"))
		have.set(text, err)
		return err == nil && text == string(wanted)
	}, patience, tick, "%s: want %s, have %s", expression, wanted, &have)
}

// visit opens a page as a visitor, or as whoever this window was before.
func (g guest) visit(page string) {
	g.t.Helper()
	g.do(chromedp.Navigate(g.url+"/"+page), chromedp.WaitVisible(chromedp.CSS("body[data-ready]")))
}

// signIn becomes somebody by clicking, goes to a page, and waits until the stream
// is live.
func (g guest) signIn(person, page string) {
	g.t.Helper()
	g.visit("")
	g.click("[data-person=" + person + "]")
	g.live()
	g.goTo(page)
}

func (g guest) live() { g.t.Helper(); g.waitFor("#state[data-state=live]") }

// goTo goes to a page of the same document.
func (g guest) goTo(page string) {
	g.t.Helper()
	g.eventually(fmt.Sprintf(`(location.hash = %q, true)`, page), true)
	g.eventually(`document.querySelector(".page, .welcome, .empty-page") !== null && location.hash`, page)
}

const (
	bell   = `document.querySelector("bellhop-bell")`
	unread = `document.querySelector("bellhop-bell").client.unread`
	// badge is what the bell shows of it.
	badge = `document.querySelector("bellhop-bell").shadowRoot.querySelector("[part=badge]").textContent`
	// rung are the titles in the bell, the newest first.
	rung = bell + `.client.items.map((item) => ` + bell + `.renderItem(item).title)`
)

// said are the comments of the post that is open.
const said = `[...document.querySelectorAll(".comment .said")].map((e) => e.textContent)`

// TestCommentRingsInTheOtherWindow, and appears there under the post, and what is
// written while a window is away or the server restarts arrives later.
func TestCommentRingsInTheOtherWindow(t *testing.T) {
	t.Parallel()
	db := freshDB(t)
	h := startBellhop(t, "--sqlite="+db)
	mina := firstGuest(t, h.URL())
	mina.signIn("mina", "#/posts/3")
	jonas := mina.another()
	jonas.signIn("jonas", "#/posts/3")
	mina.eventually(unread, 3) // of the examples
	mina.eventually(badge, "3")
	was := []string{"Ask me anything about them.", "Would they mind an old dog who snores?", "Tofu snores louder. Come and meet them on Saturday!"}
	mina.eventually(said, was)

	jonas.write(".thread > .comment-form textarea", "Saturday it is!")
	jonas.click(".thread > .comment-form .primary")
	jonas.eventually(said, append(was, "Saturday it is!"))
	mina.eventually(said, append(was, "Saturday it is!"))
	mina.eventually(badge, "4")
	mina.eventually(rung+".slice(0, 1)", []string{"Jonas commented: 4 comments now"})

	// A reply rings at whom it replies to, and nobody hears of their own acts.
	mina.click("[data-comment='5'] .link")
	mina.write("[data-comment='5'] textarea", "See you!")
	mina.click("[data-comment='5'] .primary")
	jonas.eventually(said, append(was, "Saturday it is!", "See you!"))
	jonas.eventually(rung+".slice(0, 1)", []string{"Mina replied to you"})
	mina.eventually(unread, 4)

	mina.click("#under summary")
	mina.click("#away")
	mina.waitFor("#state[data-state=closed]")
	jonas.goTo("#/notes")
	jonas.write("#new-note textarea", "The leash is at your door.")
	jonas.click("#new-note .primary")
	jonas.waitFor(".note.mine")
	mina.click("#away")
	mina.live()
	mina.eventually(rung+".slice(0, 1)", []string{"A note from Jonas"})
	mina.eventually(unread, 5)

	require.NoError(t, h.stop())
	mina.waitFor("#state:not([data-state=live])")
	startBellhop(t, "--sqlite="+db, "--listen="+h.public.Addr().String())
	mina.live()
	jonas.live()
	jonas.goTo("#/chat/mina")
	jonas.write("#say", "Are you back?")
	jonas.click(".say .primary")
	mina.eventually(rung+".slice(0, 1)", []string{"Jonas says"})
	mina.goTo("#/chat/jonas")
	mina.eventually(`[...document.querySelectorAll(".line p")].map((e) => e.textContent)`, []string{"Is Saturday at three still good?", "Are you back?"})
	mina.write("#say", "Always was.")
	mina.click(".say .primary")
	jonas.eventually(`document.querySelector(".messages").lastElementChild.querySelector("p").textContent`, "Always was.")
}

// TestReadInOneTabIsReadInTheOther.
func TestReadInOneTabIsReadInTheOther(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	one := firstGuest(t, h.URL())
	one.signIn("mina", "#/community")
	other := one.another()
	other.signIn("mina", "#/study")
	one.eventually(badge, "3")
	other.eventually(badge, "3")
	one.eventually(`(`+bell+`.show(), `+bell+`.shadowRoot.querySelector("[part=mark-all]").click(), true)`, true)
	one.eventually(unread, 0)
	other.eventually(unread, 0)
	other.eventually(badge, "")
}

// TestVisitorSeesTheRaffleMove: the chart, for somebody without a name, and who
// won.
func TestVisitorSeesTheRaffleMove(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	visitor := firstGuest(t, h.URL())
	visitor.visit("#/raffle/1")
	visitor.eventually(`document.querySelector("#chance").textContent`, "17%")
	tomas := visitor.another()
	tomas.signIn("tomas", "#/raffle/1")
	tomas.eventually(`document.querySelector("#your-chance").textContent`, "17%")

	tomas.click("#draw-ticket")
	tomas.eventually(`document.querySelector("#your-chance").textContent`, "29%")
	visitor.eventually(`document.querySelector("#chance").textContent`, "14%")
	visitor.eventually(`document.querySelector(".now-text").textContent`, "14%")
	visitor.eventually(`document.querySelector("#your-chance").textContent`, "0%")
	visitor.click("#draw-ticket") // as a guest
	tomas.eventually(`document.querySelector("#counts").textContent`, "Tickets 8 · People 5")

	tomas.click("#crowd")
	visitor.eventually(`document.querySelector(".chance-line").getAttribute("d").split("H").length > 20`, true)
	tomas.click("#draw")
	tomas.waitFor("#winner h2")
	visitor.waitFor("#winner h2")
	visitor.waitFor("[data-raffle='1']")
	visitor.eventually(`document.querySelector("#draw-ticket").checkVisibility()`, false)
}

// TestStudyAnswersOverAStreamThatIsRenewed: the gateway ends streams every two
// seconds here, and nothing gets lost between two of them.
func TestStudyAnswersOverAStreamThatIsRenewed(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t), "--stream-max-age=2s")
	sora := firstGuest(t, h.URL())
	sora.signIn("sora", "#/study")
	jonas := sora.another()
	jonas.signIn("jonas", "#/study")
	jonas.waitFor("[data-project='2'] .answer-waiting")
	jonas.eventually(`document.querySelector("#fact-renewed").textContent !== "not yet"`, true)
	mina := sora.another()
	mina.signIn("mina", "#/study")
	mina.write("[data-project='2'] .apply input", "I like charts.")
	sora.click("[data-application='2'] .accept")
	sora.waitFor("[data-application='2'] .tag-accepted")
	jonas.waitFor("[data-project='2'] .answer-accepted")
	jonas.eventually(rung, []string{"Sora said yes", "Mina replied to you"})
	jonas.eventually(`document.querySelector("[data-project='2'] .seats").textContent`, "1 of 2 seats taken")

	// Somebody applies, and what she wrote outlived a new list. The owner's grows while
	// it is open.
	mina.eventually(`document.querySelector("[data-project='2'] .seats").textContent`, "1 of 2 seats taken")
	mina.eventually(`document.activeElement.value`, "I like charts.")
	mina.click("[data-project='2'] .apply .primary")
	sora.waitFor("[data-application='3'] .refuse")
	sora.click("[data-application='3'] .refuse")
	mina.waitFor("[data-project='2'] .answer-refused")
	// Whatever is streamed, the pool is that of the service's own queries.
	mina.eventually(`document.querySelector("#fact-max").textContent`, "4")
	mina.eventually(`Number(document.querySelector("#fact-streams").textContent) >= 2`, true)
	mina.eventually(`document.querySelector("#fact-waits").textContent`, "0")
}

// touching lists what can be pressed and is within a few pixels of a card that it is
// not in.
const touching = `(() => {
	const box = (e) => e.getBoundingClientRect();
	const cards = [...document.querySelectorAll("main .card")];
	const near = (a, b) => Math.max(b.left - a.right, a.left - b.right) < 6 && Math.max(b.top - a.bottom, a.top - b.bottom) < 6;
	return [...document.querySelectorAll("main :is(a, button, summary)")]
		.filter((e) => e.checkVisibility() && cards.some((c) => !c.contains(e) && !e.contains(c) && near(box(e), box(c))))
		.map((e) => e.textContent);
})()`

// TestPageFitsItsWindow, wide and narrow, by day and by night, in both languages.
// The pictures go to the folder of `go test -artifacts`.
func TestPageFitsItsWindow(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	g := firstGuest(t, h.URL())
	g.signIn("mina", "#/")
	for i, page := range []string{"", "community", "posts/3", "notes", "chat/jonas", "study", "raffle", "nothing"} {
		g.goTo("#/" + page)
		look := []string{"light", "dark"}[i%2]
		_, err := chromedp.Call(g.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: look},
				{Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		require.NoError(t, err)
		g.click("#language") // turn and turn about
		for name, width := range map[string]int64{"wide": 1280, "narrow": 360} {
			g.do(chromedp.EmulateViewport(width, 800))
			g.eventually(`document.documentElement.scrollWidth <= innerWidth`, true)
			g.eventually(touching, []string{})
			png, err := chromedp.Run(g.tab, chromedp.FullScreenshot(100))
			require.NoError(t, err)
			file := filepath.Join(t.ArtifactDir(), fmt.Sprintf("%d-%s-%s.png", i, look, name))
			require.NoError(t, os.WriteFile(file, png, 0o600))
		}
	}
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	g := firstGuest(t, h.URL())
	g.visit("")
	g.write("#name", "sam.i_am-2")
	g.click("#sign-in .primary")
	g.live()
	g.visit("") // a reload
	g.eventually(`document.querySelector("#who strong").textContent`, "sam.i_am-2")
	for _, nowhere := range []string{"#/constructor", "#/%E0%A4%A", "#/posts/4711"} {
		g.goTo(nowhere)
		g.waitFor(".empty-page [href='#/']")
	}
	g.goTo("#/posts/3")
	g.waitFor(".comment-form textarea")
	require.NoError(t, h.stop())
	g.write(".thread > .comment-form textarea", "hello?")
	g.click(".thread > .comment-form .primary")
	g.waitFor(".comment-form .error")
	g.eventually(`document.querySelector(".thread > .comment-form textarea").value`, "hello?")
	g.click("#sign-out")
	g.waitFor("#bar [href='#/'].button")
	g.click("[data-person=mina]")
	g.waitFor(".sign-in > .error")
}
