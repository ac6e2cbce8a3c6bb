package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// tourPatience bounds a step of the tour in a browser that has a busy machine.
const tourPatience = 30 * time.Second

// TestTour plays the tour of docs/demo.md in each engine: every number that it
// promises. The pictures go to the folder of `go test -artifacts`.
func TestTour(t *testing.T) {
	t.Parallel()
	for _, browser := range testenv.Browsers() {
		t.Run(browser.Name, func(t *testing.T) { // one after the other: a browser takes a processor
			db := freshDB(t)
			r := &tour{whole: t, t: t, engine: browser.Name, db: db, hotel: startBellhop(t, "--sqlite="+db)}
			eventuallyReady(t, r.hotel.Service)
			r.one = window{browser.Start(t), r}
			r.other = window{r.one.Another(), r}
			for _, step := range []struct {
				name string
				play func(*tour)
			}{
				{"Comment", (*tour).comment},
				{"Read", (*tour).read},
				{"Archive", (*tour).archive},
				{"TakeBack", (*tour).takeBack},
				{"GoAway", (*tour).goAway},
				{"Restart", (*tour).restart},
				{"Apply", (*tour).apply},
				{"Phone", (*tour).phone},
				{"Raffle", (*tour).raffle}, // the last one: whoever wins hears of it
			} {
				require.True(t, t.Run(step.name, func(t *testing.T) {
					r.t = t
					r.one.For(t)
					r.other.For(t)
					step.play(r)
				}), "what follows would fail as well")
			}
		})
	}
}

// tour is somebody with two windows of one browser.
type tour struct {
	whole, t   *testing.T // of the engine, and of the step
	engine, db string
	hotel      *hotel
	one, other window
}

// window is one of them, in which somebody is signed in.
type window struct {
	*testenv.Page
	tour *tour
}

// be signs somebody in, or nobody, and shows a page.
func (w window) be(person, page string) {
	w.tour.t.Helper()
	w.Go("about:blank") // or only the address would change
	w.Go(w.tour.hotel.URL() + "/?as=" + person + "#/" + page)
	w.until(`document.body?.dataset.ready === ""`)
	w.live()
}

func (w window) live() {
	w.tour.t.Helper()
	w.until(`document.querySelector("#state").dataset.state === "live"`)
}

func (w window) until(expression string) {
	w.tour.t.Helper()
	require.Eventually(w.tour.t, func() bool { return w.Evaluate(expression) == "true" }, tourPatience, 5*tick, expression)
}

// says waits for a text of the page.
func (w window) says(selector, text string) {
	w.tour.t.Helper()
	w.until(fmt.Sprintf(`document.querySelector(%q)?.textContent === %q`, selector, text))
}

// bell waits for the number that it shows, and its newest lines.
func (w window) bell(number string, lines ...string) {
	w.tour.t.Helper()
	w.until(fmt.Sprintf(`%s === %q`, badge, number))
	for i, line := range lines {
		w.until(fmt.Sprintf(`%s[%d] === %q`, rung, i, line))
	}
}

// press presses what may be in a window behind the other one, where a mouse does not reach.
func (w window) press(selector string) {
	w.tour.t.Helper()
	w.until(fmt.Sprintf(`document.querySelector(%q)?.checkVisibility() && !document.querySelector(%[1]q).disabled`, selector))
	w.Evaluate(fmt.Sprintf(`(document.querySelector(%q).click(), 0)`, selector))
}

// click is by the mouse, at what may have to be scrolled to.
func (w window) click(element string) {
	w.tour.t.Helper()
	w.Evaluate(`(` + element + `.scrollIntoView({ block: "center" }), 0)`)
	w.Click(element)
}

// write sends a form with a text.
func (w window) write(form, text string) {
	w.tour.t.Helper()
	w.until(fmt.Sprintf(`document.querySelector(%q) !== null`, form))
	w.Evaluate(fmt.Sprintf(`((form) => { form.querySelector("input, textarea").value = %q; form.requestSubmit(); })(document.querySelector(%q))`, text, form))
}

func (w window) picture(name string) {
	w.tour.t.Helper()
	// Nothing moves in a window that is behind another one.
	w.Evaluate(`[document, ` + bell + `?.shadowRoot].flatMap((root) => root?.getAnimations() ?? []).filter(({ effect }) => effect.getComputedTiming().endTime < Infinity).forEach((a) => a.finish())`)
	file := filepath.Join(w.tour.t.ArtifactDir(), w.tour.engine+"-"+name+".png")
	require.NoError(w.tour.t, os.WriteFile(file, w.Screenshot(), 0o600))
}

// comment: by keys and mouse. The number goes from 3 to 4, and stays there.
func (r *tour) comment() {
	r.other.be("mina", "posts/3")
	r.other.bell("3")
	r.one.be("jonas", "")
	r.one.press(`[data-system="community"]`)
	r.one.press(`[data-post="3"] h2 a`)
	r.one.says("h1", "Two kittens looking for one sofa")
	for i, text := range []string{"Mine is free", "And wide"} {
		r.one.click(`document.querySelector(".thread > .comment-form textarea")`)
		for _, key := range text {
			r.one.Press(string(key))
		}
		r.one.click(`document.querySelector(".thread > .comment-form .primary")`)
		r.other.until(fmt.Sprintf(said+`.at(-1) === %q`, text))
		r.other.bell("4", fmt.Sprintf("Jonas commented: %d comments now", 4+i))
	}
	r.one.picture("comment")
}

// read in one window is read in the other one of the same person.
func (r *tour) read() {
	r.one.be("mina", "community")
	r.one.bell("4")
	r.one.click(bell + `.shadowRoot.querySelector(".bell")`)
	r.one.click(bell + `.shadowRoot.querySelector(".item-title")`)
	r.one.bell("3")
	r.other.bell("3")
	r.one.until(`location.hash === "#/posts/3"`)
}

// archive: what was read leaves the list, and stands under its tab.
func (r *tour) archive() {
	inBell := func(selector string) string { return bell + `.shadowRoot.querySelector("` + selector + `")` }
	r.one.click(inBell(".bell"))
	r.one.click(inBell(".tabs > :nth-child(2)"))
	first := func(title string) { r.one.until(inBell(".item-title") + `?.textContent === "` + title + `"`) }
	first("Jonas commented: 5 comments now")
	r.one.click(inBell(".actions [aria-label='Archive']"))
	first("Jonas replied to you")
	r.one.click(inBell(".tabs > :nth-child(4)"))
	first("Jonas commented: 5 comments now")
	r.one.picture("archive")
}

// takeBack: a comment that is deleted leaves the bell.
func (r *tour) takeBack() {
	r.one.be("jonas", "posts/3")
	r.one.write(".thread > .comment-form", "Or not")
	r.other.bell("4", "Jonas commented: 6 comments now")
	r.one.until(said + `.at(-1) === "Or not"`)
	r.one.press(".comments > :last-child .uncomment")
	r.other.bell("3")
	r.other.until(said + `.at(-1) === "And wide"`)
}

// goAway misses nothing, and has it once and in order.
func (r *tour) goAway() {
	r.one.be("jonas", "notes")
	r.other.press("#under summary")
	r.other.press("#away")
	r.other.until(`document.querySelector("#state").dataset.state === "closed"`)
	r.one.Evaluate(`(document.querySelector("#new-note select").value = "mina", 0)`)
	r.one.write("#new-note", "The leash is at your door.")
	r.one.until(`document.querySelector(".note.mine") !== null`)
	r.one.Evaluate(`(location.hash = "#/chat/mina", 0)`)
	r.one.write(".say", "Are you there?")
	r.one.until(`[...document.querySelectorAll(".line p")].at(-1)?.textContent === "Are you there?"`)
	r.other.bell("3")
	before := r.other.Evaluate(bell + ".client.items.length")
	r.other.press("#away")
	r.other.live()
	// What he said takes the place of what he had said before, as the chat's one line.
	r.other.bell("4", "Jonas says", "A note from Jonas")
	r.other.until(fmt.Sprintf("%s.client.items.length === %s + 1", bell, before))
}

// restart: both windows reconnect and go on.
func (r *tour) restart() {
	require.NoError(r.t, r.hotel.stop())
	for _, w := range []window{r.one, r.other} {
		w.until(`document.querySelector("#state").dataset.state !== "live"`)
	}
	r.hotel = startBellhop(r.whole, "--sqlite="+r.db, "--listen="+r.hotel.public.Addr().String())
	r.one.live()
	r.other.live()
	r.one.write(".say", "And now?")
	r.other.bell("4", "Jonas says")
	r.other.until(bell + `.renderItem(` + bell + `.client.items[0]).body === "And now?"`)
}

// apply: the answer arrives. The stream ends after half an hour, and takes none of
// the database's connections.
func (r *tour) apply() {
	r.one.be("haru", "study")
	r.other.be("sora", "study")
	r.one.says(`[data-project="2"] h2`, "A weather station for the school roof")
	r.one.until(bell + ".client.inbox.loaded")
	before := r.one.Evaluate(unread)
	r.one.write(`[data-project="2"] .apply`, "I like charts.")
	r.other.press(`[data-project="2"] [data-application="3"] .accept`)
	r.one.until(`document.querySelector('[data-project="2"] .answer-accepted') !== null`)
	r.one.until(fmt.Sprintf("%s === %s + 1 && %s[0] === %q", unread, before, rung, "Sora said yes"))
	// By minutes and seconds: engines differ in how they write and read the rest.
	at := func(name string) string {
		return fmt.Sprintf(`(([, minutes, seconds]) => minutes * 60 + Number(seconds))(document.querySelector("#fact-%s").textContent.match(/\d+/g) ?? [])`, name)
	}
	r.one.until(fmt.Sprintf(`(%s - %s + 3600) %% 3600 === 30 * 60`, at("next"), at("opened")))
	r.one.until(`Number(document.querySelector("#fact-streams").textContent) >= 2`)
	r.one.says("#fact-inUse", "0")
	r.one.says("#fact-waits", "0")
	r.one.picture("apply")
}

// raffle: the chance falls in every window, whoever comes later sees it at once, and
// so does a terminal.
func (r *tour) raffle() {
	r.one.be("tomas", "raffle/1")
	r.other.Evaluate(`(document.querySelector("#sign-out").click(), 0)`)
	r.other.until(`document.querySelector("#sign-out") === null`)
	r.other.Evaluate(`(location.hash = "#/raffle/1", 0)`)
	r.other.says("#chance", "17%")
	terminal := openStreamAt(r.t, r.hotel.URL()+"/api/v1/raffle/1/subscribe")
	r.one.press("#draw-ticket")
	for _, w := range []window{r.one, r.other} {
		w.says("#chance", "14%")
	}
	r.one.says("#your-chance", "29%") // of two tickets
	r.one.press("#crowd")
	for _, w := range []window{r.one, r.other} {
		w.says("#counts", "Tickets 37 · People 34")
		w.says("#chance", "2.7%")
	}
	terminal.waitFor(`"tickets":37,"people":34`)
	r.other.Go("about:blank")
	r.other.Go(r.hotel.URL() + "/#/raffle/1")
	r.other.says("#chance", "2.7%")
	r.one.press("#draw")
	for _, w := range []window{r.one, r.other} {
		w.until(`document.querySelector("#winner h2")?.textContent.length > 0`)
	}
	r.one.until(`document.querySelector(".all-raffles .tag").textContent.includes(document.querySelector("#winner h2").textContent)`)
	r.one.picture("raffle")
}

// phone: all of it fits 390 pixels, and the bell opens within them.
func (r *tour) phone() {
	front := framed(r.t, r.hotel.URL())
	r.one.Open(front+"/?as=mina#/", 390, 800)
	for _, page := range []string{"", "posts/3", "study", "raffle/1", "notes"} {
		r.one.Evaluate(fmt.Sprintf(`(location.hash = "#/%s", 0)`, page))
		r.one.until(`document.querySelector(".page, .welcome") !== null && document.documentElement.scrollWidth <= innerWidth`)
		r.one.until(`document.querySelector("main h1").getBoundingClientRect().top >= document.querySelector("#bar").getBoundingClientRect().bottom`)
	}
	r.one.bell("4")
	r.one.click(bell + `.shadowRoot.querySelector(".bell")`)
	r.one.until(`((box) => box.width > 300 && box.left >= 0 && box.right <= document.documentElement.clientWidth)(` + bell + `.shadowRoot.querySelector(".panel").getBoundingClientRect())`)
	r.one.picture("phone")
}

// framed stands in front of a server and lets its pages be shown in a frame, which
// may be as small as a phone; a window may not. What has neither a path nor a query
// is an empty page, to put the frame into.
func framed(t *testing.T, server string) string {
	t.Helper()
	target, err := url.Parse(server)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Del("Content-Security-Policy")
			r.Header.Del("X-Frame-Options")
			return nil
		},
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && r.URL.RawQuery == "" {
			w.Header().Set("Content-Type", "text/html")
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		front.CloseClientConnections() // streams do not end by themselves
		front.Close()
	})
	return front.URL
}
