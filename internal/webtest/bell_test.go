package webtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// inBell is a selector's element within the bell.
func inBell(selector string) string { return `bell.shadowRoot.querySelector("` + selector + `")` }

// titles are the notifications that the list shows, the unread ones marked.
const titles = `[...bell.shadowRoot.querySelectorAll(".item")].map((item) => (item.classList.contains("unread") ? "* " : "") + item.querySelector(".item-title").textContent).join("|")`

// focused is the class of what has the focus within the bell.
const focused = `bell.shadowRoot.activeElement?.className`

func (v *visitor) shows(want string) {
	v.t.Helper()
	v.until(titles + ` === "` + want + `"`)
}

func (v *visitor) press(keys ...string) {
	v.t.Helper()
	for _, key := range keys {
		v.do(chromedp.KeyEvent(key))
	}
}

// TestBellStaysUnderTheHand: who opens the list and presses at once presses on what
// is fetched anew meanwhile.
func TestBellStaysUnderTheHand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	h.publish("mina", texts(1, 2)...)
	v.until(inBell(".badge") + `.textContent === "2"`)
	v.js("bell.show()")
	v.shows("* Message 2|* Message 1")
	v.js("window.title = " + inBell(".item-title"))
	v.js("client.refresh()")
	require.Equal(t, "true", v.js("title.isConnected"))
	v.js(`import("/bellhop-tidy.js").then(({ tidy }) => { tidy(bell, { mute: { note: "Texts" } }); })`)
	v.js("window.title = " + inBell(".item-title"))
	v.js("(bell.close(), bell.show())")
	v.until(action(".item", "Mute: Texts") + " !== null")
	v.js(action(".item", "Mute: Texts") + ".focus()")
	v.js(`client.request('PUT', '/v1/inbox/preferences', { muted: ['note'] })`)
	v.until(action(".item", "Unmute: Texts") + " !== null && bell.shadowRoot.activeElement === " + action(".item", "Unmute: Texts"))
	require.Equal(t, "true", v.js("title.isConnected"))
	v.js("client.markRead([2])")
	v.shows("Message 2|* Message 1")
}

// TestKeysStayAtTheirButton when an item gets another one.
func TestKeysStayAtTheirButton(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina", texts(1, 1)...)
	v := h.visit(as("mina"))
	v.js(`(window.ask = client.request, client.request = async (...args) => { await new Promise((go) => { window.go = go; }); return ask.apply(client, args); })`)
	v.js(`import("/bellhop-tidy.js").then(({ tidy }) => { tidy(bell, { mute: { note: "Texts" } }); })`)
	v.js("bell.show()")
	v.until(action(".item", "Remove") + " !== null")
	v.js(action(".item", "Remove") + ".focus()")
	v.js("go()")
	v.until(action(".item", "Mute: Texts") + " !== null")
	require.Equal(t, "true", v.js("bell.shadowRoot.activeElement === "+action(".item", "Remove")))
}

// TestBellByKeyboard: everything can be done without a mouse.
func TestBellByKeyboard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	require.Equal(t, `"Notifications"`, v.js(inBell(".bell")+`.getAttribute("aria-label")`))
	h.publish("mina", texts(1, 4)...)
	v.until(inBell(".badge") + `.textContent === "4"`)
	require.Equal(t, `"Notifications, 4 unread"`, v.js(inBell(".bell")+`.getAttribute("aria-label")`))
	v.until(inBell("#news") + `.textContent.includes("otification")`)

	v.press(kb.Tab, kb.Enter)
	v.shows("* Message 4|* Message 3|* Message 2|* Message 1")
	require.Equal(t, `"true"`, v.js(inBell(".bell")+`.getAttribute("aria-expanded")`))
	v.until(focused + ` === "open-item"`)
	v.press(kb.ArrowDown, kb.Enter)
	v.shows("* Message 4|Message 3|* Message 2|* Message 1")
	require.Equal(t, "[3]", v.js("seen.clicked"))
	v.until(focused + ` === "open-item"`) // and still there after it was drawn anew
	v.press(kb.Delete)
	v.shows("* Message 4|* Message 2|* Message 1")
	v.press(kb.End, kb.Home, kb.ArrowDown, kb.Tab, kb.Enter)
	v.shows("* Message 4|Message 2|* Message 1")

	h.publish("mina", texts(0, 0)...)
	v.shows("* Message 0|* Message 4|Message 2|* Message 1")
	v.press(kb.Home, kb.Backspace) // as a Mac's keyboard has it
	v.shows("* Message 4|Message 2|* Message 1")

	h.publish("mina", texts(5, 5)...)
	v.shows("* Message 5|* Message 4|Message 2|* Message 1")
	v.press(kb.Escape)
	v.until(`!bell.open && ` + focused + ` === "bell" && document.activeElement === bell`)

	v.press(kb.Enter, kb.Shift+kb.Tab)
	v.until("bell.open")
	v.js(inBell("[part=mark-all]") + `.click()`)
	v.shows("Message 5|Message 4|Message 2|Message 1")
	v.until("client.unread === 0 && " + inBell(".badge") + `.classList.contains("none")`)
	v.width(1000) // so that the heading's middle is beside the list
	v.do(chromedp.Click(chromedp.CSS("h1")))
	v.until("!bell.open")
}

// TestBellScrollsOn through pages of the inbox.
func TestBellScrollsOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina", texts(1, 45)...)
	v := h.visit(as("mina", "page", "10"))
	v.js("bell.show()")
	for range 10 {
		v.js(inBell(".list") + `.scrollTo(0, 1e6)`)
	}
	v.until("client.items.length === 45 || (" + inBell(".list") + ".scrollTo(0, 1e6), false)")
	v.until(`bell.shadowRoot.querySelectorAll(".item").length === 45`)
}

// TestBellShowsNoMarkup: what a notification says is text, and its link is a link.
func TestBellShowsNoMarkup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	v.js("bell.show()")
	h.publish("mina",
		map[string]any{"title": `<img src=x onerror="window.hit=1"><b>bold</b>`, "url": "javascript:window.hit=1", "image": "javascript:window.hit=1"},
		map[string]any{"title": "fine", "url": "/somewhere", "from": "<script>", "body": "</span><script>window.hit=1</script>"},
		"just text", 17, nil, []string{"a"}, map[string]any{"title": map[string]string{"deep": "er"}})
	v.until(`bell.shadowRoot.querySelectorAll(".item").length === 7`)
	require.Equal(t, "false", v.js(`"hit" in window`))
	require.Equal(t, `["A","BUTTON","BUTTON","BUTTON","BUTTON","BUTTON","BUTTON"]`, v.js(
		`[...bell.shadowRoot.querySelectorAll(".open-item")].map((e) => e.tagName).sort()`))
	require.Equal(t, "0", v.js(`bell.shadowRoot.querySelectorAll(".item img, .item b, .item script").length`))
	require.Contains(t, v.js(titles), `<img src=x onerror=`)
}

// TestBellSaysWhatIsWrong: offline, signed out, and a list that does not come.
func TestBellSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	v.js(`bell.setAttribute("lang", "ko")`)
	v.js("bell.show()")
	require.Contains(t, v.js(inBell("[part=empty]")+`.textContent`), "새로운 알림이 없어요")
	h.network.Refuse()
	v.until(inBell("[part=state]") + `.textContent === "다시 연결하는 중…"`)
	v.js("client.refresh().catch(() => {})")
	v.until(inBell("[part=error] button") + `.textContent === "다시 시도"`)
	h.publish("mina", texts(1, 1)...)
	h.network.Resume()
	v.until(inBell("[part=state]") + `.hidden`)
	v.js(inBell("[part=error] button") + `?.click()`)
	v.shows("* Message 1")
	v.js(`bell.texts = { title: "Post" }`)
	require.Equal(t, `"Post"`, v.js(inBell("h2")+`.textContent`))
	v.js(`bell.templates = { note: ({ data }) => ({ title: data.title.toUpperCase(), icon: "🎉" }) }`)
	v.shows("* MESSAGE 1")
	v.js(`bell.renderItem = ({ data }) => Object.assign(document.createElement("em"), { textContent: data.title })`)
	v.until(`bell.shadowRoot.querySelector(".item em").textContent === "Message 1"`)
}

// TestBellMeetsAccessibilityRules in all that it shows, and leaves pictures of it in
// the folder of `go test -artifacts`.
func TestBellMeetsAccessibilityRules(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	v.scheme("light") // and without motion: half-way through one there is little contrast
	testenv.Accessible(t, v.tab)
	v.js("bell.show()")
	v.until(inBell("[part=empty]") + ` !== null`)
	testenv.Accessible(t, v.tab)
	v.pictures("empty")
	h.publish("mina",
		map[string]string{"from": "Jonas", "title": "Jonas answered your comment", "body": "“She is so small! We have a garden and two children who would love her.”", "url": "/posts/7"},
		map[string]string{"from": "Shelter West", "title": "Your application was accepted", "body": "Come by on Saturday between ten and four.", "url": "/applications/3"},
		map[string]string{"from": "Ada", "title": "Ada sent you a note", "body": "Shall we meet at the library?"},
		map[string]string{"title": "🎉 You won the raffle, which has a name that is so long that nobody would ever fit it into a single line of a list like this", "url": "/raffles/1"},
		map[string]string{"from": "민아", "title": "민아님이 댓글을 남겼어요", "body": "정말 귀여워요! 아직 가족을 찾고 있나요?", "url": "/posts/8"})
	v.until("client.unread === 5")
	v.js("client.markRead([1, 3])")
	v.until("client.unread === 3")
	testenv.Accessible(t, v.tab)
	v.pictures("list")
	v.js(`bell.setAttribute("lang", "ko")`)
	testenv.Accessible(t, v.tab)
	v.pictures("korean")
	v.js(`bell.setAttribute("lang", "en")`)
	h.network.Refuse()
	v.until(`!` + inBell("[part=state]") + `.hidden`)
	testenv.Accessible(t, v.tab)
	v.pictures("broken")
}

// scheme makes it day or night, and still.
func (v *visitor) scheme(scheme string) {
	v.t.Helper()
	_, err := chromedp.Call(v.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		},
	})
	require.NoError(v.t, err)
}

// pictures shows the page wide and narrow, by day and by night.
func (v *visitor) pictures(name string) {
	v.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		v.scheme(scheme)
		testenv.Accessible(v.t, v.tab, name, scheme)
		for window, width := range map[string]int64{"wide": 900, "narrow": 390} {
			v.do(chromedp.EmulateViewport(width, 640))
			png, err := chromedp.Run(v.tab, chromedp.CaptureScreenshot())
			require.NoError(v.t, err)
			file := filepath.Join(v.t.ArtifactDir(), name+"-"+scheme+"-"+window+".png")
			require.NoError(v.t, os.WriteFile(file, png, 0o600))
		}
	}
}
