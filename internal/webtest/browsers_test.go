package webtest

import (
	"fmt"
	"image"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// unseen lists the titles of items that can't be seen in an open bell, not even by
// scrolling, and says so if the list scrolls although the panel could be higher.
const unseen = `((root) => {
	const box = (element) => element.getBoundingClientRect();
	const within = (a, b) => a.top >= b.top - 1 && a.bottom <= b.bottom + 1 && a.left >= b.left - 1 && a.right <= b.right + 1;
	const panel = root.querySelector(".panel"), list = root.querySelector(".list");
	const found = [];
	if (!within(box(panel), { top: 0, left: 0, bottom: innerHeight, right: innerWidth })) found.push("panel");
	if (!within(box(list), box(panel))) found.push("list");
	if (list.scrollHeight > list.clientHeight && panel.offsetHeight < parseFloat(getComputedStyle(panel).maxHeight) - 1) found.push("list is low");
	for (const item of root.querySelectorAll(".item")) {
		item.scrollIntoView({ block: "nearest" });
		if (box(item).height < 40 || !within(box(item), box(list))) found.push(item.querySelector(".item-title").textContent);
	}
	list.scrollTo(0, 0);
	return found;
})(bell.shadowRoot)`

// settled waits until nothing of the bell moves.
const settled = `Promise.allSettled(bell.shadowRoot.getAnimations().map(({ finished }) => finished))`

// Keys of WebDriver's table (https://www.w3.org/TR/webdriver2/#keyboard-actions).
const (
	keyEscape = "\ue00c"
	keyEnd    = "\ue010"
	keyDown   = "\ue015"
	keyDelete = "\ue017"
)

// widths are those of a desktop's window and of a phone, height is that of both.
var widths = []int{1024, 390}

const height = 640

// tab is a page of a house in any browser.
type tab struct {
	*testenv.Page
	t *testing.T
	h *house
}

// TestBrowsers: the bell and its client work in each engine alike.
func TestBrowsers(t *testing.T) {
	t.Parallel()
	pictures := sheet{engine: make(map[string][]image.Image)}
	t.Cleanup(func() { pictures.write(t) }) // after all engines
	for _, browser := range testenv.Browsers() {
		t.Run(browser.Name, func(t *testing.T) { // one after the other: a browser takes a processor
			h := newHouse(t)
			page := browser.Start(t)
			for _, c := range []struct {
				name string
				run  func(tab)
			}{
				{"ItemsAreSeen", tab.itemsAreSeen},
				{"LiveAndByMouse", tab.liveAndByMouse},
				{"Keyboard", tab.keyboard},
				{"ReadInAllTabs", tab.readInAllTabs},
				{"GatewayRestarts", tab.gatewayRestarts},
				{"BackToThePage", tab.backToThePage},
				{"Languages", tab.languages},
				{"TidyByKeys", tab.tidyByKeys},
				{"MutesByKeys", tab.mutesByKeys},
				{"Toasts", tab.toasts},
				{"UnreadInTheTitle", tab.unreadInTheTitle},
				{"Pictures", func(p tab) { pictures.take(p, browser.Name) }},
			} {
				ok := t.Run(c.name, func(t *testing.T) {
					h := &house{t: t, bellhop: h.bellhop, network: h.network}
					c.run(tab{page.For(t), t, h})
				})
				require.True(t, ok) // what follows would fail as well
			}
		})
	}
}

func (p tab) address(user string, more ...string) string {
	return "http://" + p.h.network.Addr + "/index.html?" + as(user, more...)
}

// visit shows somebody's page in a window of this width, or in the whole one for zero.
func (p tab) visit(user string, width int) {
	p.t.Helper()
	if width == 0 {
		p.Go(p.address(user))
	} else {
		p.Open(p.address(user), width, height)
	}
	p.until(`window.client?.status.state === "live"`)
}

func (p tab) until(expression string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.Evaluate(expression) == "true" }, patience, tick,
		"%s; seen: %s", expression, later(func() string {
			return p.Evaluate("[window.seen, window.client?.status, window.client?.inbox, document.activeElement?.tagName]")
		}))
}

func (p tab) shows(want string) {
	p.t.Helper()
	p.until(titles + ` === "` + want + `"`)
}

// itemsAreSeen: few, and more than there is room for, in both directions of writing.
func (p tab) itemsAreSeen() {
	for user, count := range map[string]int{"few": 3, "many": 15} {
		p.h.publish(user, texts(1, count)...)
		p.visit(user, widths[0])
		p.until(fmt.Sprintf("client.items.length === %d", count))
		p.Evaluate("bell.show()")
		for _, width := range widths {
			p.Resize(width, height)
			for _, dir := range []string{"ltr", "rtl"} {
				p.Evaluate(`(document.dir = "` + dir + `", dispatchEvent(new Event("resize")), ` + settled + `)`)
				require.Equal(p.t, strconv.Itoa(count), p.Evaluate(`bell.shadowRoot.querySelectorAll(".item").length`))
				require.Equal(p.t, "[]", p.Evaluate(unseen), "%s, %d wide, %s", user, width, dir)
				require.Equal(p.t, "[]", p.Evaluate(outside), "%s, %d wide, %s", user, width, dir)
			}
		}
	}
}

func (p tab) liveAndByMouse() {
	p.visit("live", widths[0])
	p.h.publish("live", texts(1, 2)...)
	p.until(inBell(".badge") + `.textContent === "2" && JSON.stringify(seen.events.map(({ seq, live }) => live && seq)) === "[1,2]"`)
	p.Click(inBell(".bell"))
	p.shows("* Message 2|* Message 1")
	p.Click(inBell(".item:nth-child(2) .item-title"))
	p.shows("* Message 2|Message 1")
	p.h.publish("live", texts(3, 3)...)
	p.shows("* Message 3|* Message 2|Message 1")
	p.Click(inBell("[part=mark-all]"))
	p.shows("Message 3|Message 2|Message 1")
	p.Click("document.body")
	p.until("!bell.open && client.unread === 0")
}

func (p tab) keyboard() {
	p.h.publish("keys", texts(1, 3)...)
	p.visit("keys", widths[1])
	p.Evaluate(focus(".bell"))
	p.Press(" ")
	p.until(focused + ` === "open-item"`)
	p.Press(keyDown, " ")
	p.shows("* Message 3|Message 2|* Message 1")
	p.Press(keyEnd, keyDelete)
	p.shows("* Message 3|Message 2")
	p.Press(keyEscape)
	p.until(`!bell.open && ` + focused + ` === "bell"`)
}

func (p tab) readInAllTabs() {
	p.h.publish("tabs", texts(1, 3)...)
	p.visit("tabs", 0)
	other := tab{p.Another(), p.t, p.h}
	other.visit("tabs", 0)
	p.h.eventuallyStreams("1")
	other.Evaluate("client.markRead([2])")
	p.until("client.unread === 2 && client.items[1].read")
	p.Evaluate("client.remove(3)")
	other.until("client.unread === 1 && client.items.length === 2")
	p.h.publish("tabs", texts(4, 4)...)
	p.until("client.items[0].seq === 4")
	other.until("client.items[0].seq === 4")
	other.Close()
}

func (p tab) gatewayRestarts() {
	p.visit("restart", 0)
	p.h.publish("restart", texts(1, 1)...)
	p.until("seen.events.length === 1")
	p.h.bellhop.Kill(p.t)
	p.until(`client.status.state === "retrying"`)
	p.h.bellhop.Start(p.t)
	p.h.publish("restart", texts(2, 3)...)
	p.until(`client.status.state === "live" && client.unread === 3 && JSON.stringify(seen.events.map(({ seq }) => seq)) === "[1,2,3]"`)
}

// backToThePage: whether the page was kept or is loaded anew, nothing is missing.
func (p tab) backToThePage() {
	p.visit("back", 0)
	p.h.publish("back", texts(1, 1)...)
	p.until("seen.events.length === 1")
	p.Go("http://" + p.h.network.Addr + "/bellhop.d.ts")
	p.h.eventuallyStreams("0")
	p.h.publish("back", texts(2, 2)...)
	p.Back()
	p.until(`window.client?.status.state === "live" && client.unread === 2 && client.items.length === 2`)
	p.h.publish("back", texts(3, 3)...)
	p.until("client.unread === 3")
	p.h.eventuallyStreams("1")
}

// languages: texts that are not in the bell's file come from beside it.
func (p tab) languages() {
	p.h.publish("languages", texts(1, 2)...)
	p.visit("languages", widths[1])
	p.until("client.items.length === 2")
	for _, l := range []struct{ lang, dir, title string }{{"ar-EG", "rtl", "الإشعارات"}, {"de-CH", "ltr", "Benachrichtigungen"}, {"ko", "ltr", "알림"}, {"nl", "ltr", "Notifications"}} {
		p.Evaluate(fmt.Sprintf("(document.documentElement.dir = %q, bell.lang = %q, bell.show())", l.dir, l.lang))
		p.until(fmt.Sprintf(inBell("h2")+".textContent === %q", l.title))
		p.Evaluate(`(dispatchEvent(new Event("resize")), ` + settled + `)`)
		require.Equal(p.t, "[]", p.Evaluate(unseen), l.lang)
	}
}
