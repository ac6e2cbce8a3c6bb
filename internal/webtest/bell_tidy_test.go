package webtest

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// keptTidy has a bell do all that bellhop-tidy.js can.
const keptTidy = `import("/bellhop-tidy.js").then(({ tidy }) => {
	bell.setAttribute("badge", "unseen");
	window.untidy = tidy(bell, {
		tabs: [{ label: "Comments", types: ["comment", "reply"] }, { label: "Notes", types: ["note"] }],
		archive: true,
		mute: { comment: "Comments" },
	});
})`

// action is an item's button by what it says.
func action(item, label string) string {
	return inBell(item + ` .actions [aria-label='` + label + `']`)
}

// comment publishes a comment that can be withdrawn by its key.
func (h *house) comment(user, title, key string) {
	h.t.Helper()
	h.asPublisher(http.MethodPost, "/v1/events",
		`{"users":["`+user+`"],"type":"comment","data":{"title":"`+title+`"},"collapse_key":"`+key+`"}`)
}

// focusOn moves the keys to a button.
func (p tab) focusOn(element string) {
	p.t.Helper()
	p.until("(" + element + `?.focus(), bell.shadowRoot.activeElement !== null && bell.shadowRoot.activeElement === ` + element + ")")
}

// tidyByKeys: tabs, archive and seen by keyboard; a comment that is deleted goes from
// the bells of two windows.
func (p tab) tidyByKeys() {
	p.h.publish("tidy", texts(1, 2)...)
	p.h.comment("tidy", "Comment", "comment:1")
	p.visit("tidy", widths[1])
	other := tab{p.Another(), p.t, p.h}
	other.visit("tidy", 0)
	for _, window := range []tab{p, other} {
		window.Evaluate(keptTidy)
		window.until(inBell(".badge") + `.textContent === "3"`)
	}
	require.Equal(p.t, `"Notifications, 3 new"`, p.Evaluate(inBell(".bell")+".ariaLabel"))
	p.Evaluate(focus(".bell"))
	p.Press(" ")
	for _, window := range []tab{p, other} { // what was seen in one is so in all, and unread
		window.until(inBell(".badge") + `.classList.contains("none") && client.unread === 3`)
	}

	p.focusOn(inBell(".tabs > :nth-child(2)"))
	p.Press(" ")
	p.shows("* Comment")
	p.until(inBell(".tabs > :nth-child(2)") + `.ariaPressed === "true" && ` + inBell(".tabs > :nth-child(2)") + `.textContent === "Comments 1"`)
	require.Equal(p.t, "[]", p.Evaluate(unseen))

	other.Evaluate("bell.show()")
	other.shows("* Comment|* Message 2|* Message 1")
	p.h.asPublisher(http.MethodDelete, "/v1/channels/user:tidy/events?collapse_key=comment:1", "")
	p.until(inBell("[part=empty]") + ` !== null && client.unread === 2`)
	other.shows("* Message 2|* Message 1")

	p.focusOn(inBell(".tabs > :nth-child(3)"))
	p.Press(" ")
	p.shows("* Message 2|* Message 1")
	p.focusOn(action(".item", "Archive"))
	p.Press(" ")
	for _, window := range []tab{p, other} {
		window.shows("* Message 1")
		window.until("client.unread === 1")
	}
	p.until(focused + ` === "open-item"`) // keys go on at the neighbour
	p.focusOn(inBell(".tabs > :nth-child(4)"))
	p.Press(" ")
	p.shows("Message 2")
	p.focusOn(action(".item", "Move back to the inbox"))
	p.Press(" ")
	p.until(inBell("[part=empty] strong") + `?.textContent === "Nothing is archived"`)
	p.focusOn(inBell(".tabs > :nth-child(1)"))
	p.Press(" ")
	for _, window := range []tab{p, other} {
		window.shows("Message 2|* Message 1")
	}
	p.Press(keyEscape)
	p.until("!bell.open")
	p.Evaluate("untidy()")
	require.Equal(p.t, "null", p.Evaluate(inBell(".tabs")))
	other.Close()
}

// mutesByKeys: a type is muted at an item, and the page says so until it is no more.
func (p tab) mutesByKeys() {
	p.h.comment("mutes", "Comment", "comment:1")
	p.visit("mutes", widths[1])
	other := tab{p.Another(), p.t, p.h}
	other.visit("mutes", 0)
	for _, window := range []tab{p, other} {
		window.Evaluate(keptTidy)
		window.Evaluate("bell.show()")
		window.shows("* Comment")
	}
	p.focusOn(action(".item", "Mute: Comments"))
	p.Press(" ")
	for _, window := range []tab{p, other} {
		window.until(inBell(".muted button") + `?.ariaLabel === "Unmute: Comments" && ` + action(".item", "Unmute: Comments") + " !== null")
	}
	p.h.comment("mutes", "Unwanted", "comment:2")
	p.h.publish("mutes", texts(1, 1)...)
	p.shows("* Message 1|* Comment")
	p.focusOn(inBell(".muted button"))
	p.Press(" ")
	for _, window := range []tab{p, other} {
		window.until(inBell(".muted") + ".hidden && " + action(".item", "Mute: Comments") + " !== null")
	}
	p.until(`bell.shadowRoot.activeElement !== null`) // keys go on somewhere
	other.Close()
}

// TestTidyBellMeetsAccessibilityRules, fits its window with all of its buttons, and
// leaves pictures of it in the folder of `go test -artifacts`.
func TestTidyBellMeetsAccessibilityRules(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina",
		map[string]string{"title": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "body": "A body that is long enough for more than the two lines of it that there is room for in a list, and then some more", "from": "Jonas"},
		map[string]string{"from": "Ada", "title": "Ada sent you a note", "body": "Shall we meet at the library?"})
	h.comment("mina", "Jonas answered your comment", "comment:1")
	h.comment("mina", "Haru commented on your post", "comment:2")
	for name, flags := range map[string][]chromedp.ExecAllocatorOption{"mouse": withMouse, "touch": withTouch} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &house{t: t, bellhop: h.bellhop, network: h.network, tokens: h.tokens}
			v := h.visit(as("mina"), flags...)
			v.scheme("light")
			v.js(keptTidy)
			v.js("bell.show()")
			v.until(`bell.shadowRoot.querySelectorAll(".item").length === 4`)
			v.js(`client.request("PUT", "/v1/inbox/preferences", { muted: ["comment"] })`)
			v.until("!" + inBell(".muted") + ".hidden")
			for _, width := range []int64{1024, 390, 320} {
				v.width(width)
				for _, dir := range []string{"ltr", "rtl"} {
					v.js(`(document.dir = "` + dir + `", bell.lang = "` + map[string]string{"ltr": "en", "rtl": "ar"}[dir] + `", dispatchEvent(new Event("resize")))`)
					v.until(`document.dir === "` + dir + `" && (` + outside + `).length === 0`)
					require.Equal(t, "[]", v.js(unseen), "%d wide, %s", width, dir)
				}
			}
			v.js(`(document.dir = "ltr", bell.lang = "en")`)
			testenv.Accessible(t, v.tab, name)
			v.js(inBell(".tabs > :nth-child(2)") + ".click()")
			v.until(`bell.shadowRoot.querySelectorAll(".item").length === 2`)
			v.js(inBell(".item .actions button") + ".focus()") // shows the buttons
			v.pictures("tidy-" + name)
			v.js(inBell(".tabs > :nth-child(4)") + ".click()")
			v.until(inBell("[part=empty]") + " !== null")
			v.pictures("archive-" + name)
		})
	}
}
