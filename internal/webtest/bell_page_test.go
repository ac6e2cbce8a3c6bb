package webtest

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// focus is a step that moves the focus to a selector's element within the bell.
func focus(selector string) string { return "(" + inBell(selector) + ".focus(), " + focused + ")" }

// TestBellNeverLosesTheKeys: whatever had the focus and is gone, they go on
// within the bell, and Escape closes it from everywhere.
func TestBellNeverLosesTheKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina", texts(1, 2)...)
	v := h.visit(as("mina"))
	v.js(focus(".bell"))
	v.press(kb.Enter)
	v.until(focused + ` === "open-item"`)
	v.js(focus("[part=mark-all]"))
	v.press(kb.Enter)
	v.shows("Message 2|Message 1")
	v.until(focused + ` === "open-item"`) // "Mark all as read" is no button any more
	v.press(kb.Escape)
	v.until(`!bell.open && ` + focused + ` === "bell"`)

	v.press(kb.Enter)
	v.until(focused + ` === "open-item"`)
	require.Equal(t, `"bell"`, v.js(focus(".bell")))
	v.press(kb.Escape)
	v.until("!bell.open")

	v.press(kb.Enter)
	h.network.Refuse()
	v.js("client.refresh().catch(() => {})")
	v.until(inBell("[part=error] button") + ` !== null`)
	v.js(focus("[part=error] button"))
	v.press(kb.Enter)
	v.until(focused + ` === "open-item"`)
	v.press(kb.Escape)
	v.until("!bell.open")
}

// TestBellOutlivesThePagesFaults: a view that fails, a language that is none, and
// an element that is taken out and put back.
func TestBellOutlivesThePagesFaults(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	v.js("bell.show()")
	v.until(inBell("[part=empty]") + ` !== null`)
	v.js(`bell.texts = { empty: "Nothing at all" }`)
	require.Contains(t, v.js(inBell("[part=empty]")+".textContent"), "Nothing at all")

	v.js(`(window.faults = [], addEventListener("error", (event) => faults.push(event.message)))`)
	v.js(`bell.templates = { note: ({ data }) => ({ title: data.title.toUpperCase() }) }`)
	h.publish("mina", map[string]string{"title": "one"}, nil, map[string]string{"title": "three"})
	v.shows("* THREE|* Note|* ONE")
	v.until("faults.length > 0")

	for _, lang := range []string{"ko_KR", "en-US@posix", "!"} {
		v.js(`(bell.lang = "` + lang + `", bell.templates = {})`)
		v.until(`[...bell.shadowRoot.querySelectorAll("time")].every(({ textContent }) => textContent !== "")`)
		v.shows("* three|* Note|* one")
	}
	require.Equal(t, `"Notifications"`, v.js(inBell("h2")+".textContent"))

	v.js("(window.place = bell.parentNode, bell.remove())")
	h.publish("mina", texts(4, 4)...)
	v.until("client.unread === 4")
	v.js("place.append(bell)")
	v.until(inBell(".badge") + `.textContent === "4"`)
	h.publish("mina", texts(5, 5)...)
	v.until(inBell(".badge") + `.textContent === "5"`)
	v.js("bell.show()")
	v.shows("* Message 5|* Message 4|* three|* Note|* one")
}

// TestBellShowsLargeNumbers of a page whose parse keeps them.
func TestBellShowsLargeNumbers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina", "cookie", ""))
	h.publish("mina", map[string]any{"title": "Message 1", "post": json.Number("12345678901234567890")})
	v.js(`import("/bellhop.js").then(({ Bellhop }) => { window.large = bell.client = new Bellhop({ parse: (text) =>
		JSON.parse(text, (key, value, { source }) => (typeof value === "number" && /^-?\d{16,}$/.test(source) ? BigInt(source) : value)) }); })`)
	v.js("bell.show()")
	v.shows("* Message 1")
	require.Equal(t, `"12345678901234567890"`, v.js("String(large.items[0].data.post)"))
	v.js("window.title = " + inBell(".item-title"))
	v.js("large.refresh()")
	require.Equal(t, "true", v.js("title.isConnected"))
	v.js("large.markRead([1])")
	v.shows("Message 1")
}

// TestOneBellSpeaks where several show one inbox: the first that can be seen.
func TestOneBellSpeaks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	v.js(`(window.other = document.createElement("bellhop-bell"), other.client = client, document.body.append(other), window.said = [],
		[bell, other].forEach((each, at) => new MutationObserver(([{ target }]) => said.push(at + target.textContent))
			.observe(each.shadowRoot.querySelector("#news"), { childList: true })))`)
	h.publish("mina", texts(1, 1)...)
	v.until(`said.join() === "0New notification: Message 1"`)
	// The other one has looked at the first message by then, and left it to this one.
	v.js(`setTimeout(() => { bell.style.display = "none"; window.hid = true; }, 1000)`)
	v.until("window.hid === true")
	h.publish("mina", texts(2, 2)...)
	v.until(`said.join() === "0New notification: Message 1,1New notification: Message 2"`)
}
