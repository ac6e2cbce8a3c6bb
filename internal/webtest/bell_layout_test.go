package webtest

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// A headless Chromium has neither mouse nor touch screen, and is told which to
// believe in. On a desktop scrollbars take room too.
var (
	withMouse = []chromedp.ExecAllocatorOption{
		chromedp.Flag("hide-scrollbars", false),
		chromedp.Flag("blink-settings", "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"),
	}
	withTouch = []chromedp.ExecAllocatorOption{
		chromedp.Flag("blink-settings", "primaryHoverType=1,availableHoverTypes=1,primaryPointerType=2,availablePointerTypes=2"),
	}
)

// outside lists what of the bell's list is outside of the window, or stands in the
// way of something else. Actions that a mouse brings up may cover a title's end.
const outside = `((root) => {
	const box = (element) => element.getBoundingClientRect();
	const found = [];
	const panel = box(root.querySelector(".panel"));
	if (panel.left < 0 || panel.right > document.documentElement.clientWidth || panel.bottom > innerHeight) found.push("panel");
	const list = root.querySelector(".list");
	if (list.scrollWidth > list.clientWidth) found.push("list");
	for (const item of root.querySelectorAll(".item")) {
		const words = box(item.querySelector(".words"));
		for (const name of [".avatar", ".unread-dot", ".actions"]) {
			if (!item.querySelector(name)) continue;
			const part = box(item.querySelector(name));
			if (name === ".actions" && matchMedia("(hover: hover)").matches) continue;
			if (part.left < words.right && words.left < part.right && part.top < words.bottom && words.top < part.bottom) found.push(name);
		}
		for (const name of [".item-title", ".item-body", "time", ".actions", ".unread-dot"]) {
			if (!item.querySelector(name)) continue;
			const part = box(item.querySelector(name));
			if (part.left < box(item).left || part.right > box(item).right || part.bottom > box(item).bottom) found.push(name + " outside");
		}
	}
	return found;
})(bell.shadowRoot)`

// TestBellFitsItsWindow: small ones too, as those of a page enlarged by 200 %, in
// both directions of writing, with words that have no end; and what a mouse finds.
func TestBellFitsItsWindow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina",
		map[string]string{"title": "A title that is long enough for more than the two lines of it that there is room for in a list", "body": "and a body", "from": "Jonas"},
		map[string]string{"title": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "body": "שלום, מה שלומך? ההודעה הזאת ארוכה מספיק כדי לתפוס שתי שורות שלמות ברשימה"},
		map[string]string{"title": "short", "body": "x"})
	for name, flags := range map[string][]chromedp.ExecAllocatorOption{"desktop": withMouse, "phone": withTouch} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &house{t: t, bellhop: h.bellhop, network: h.network}
			v := h.visit(as("mina"), flags...)
			v.scheme("light")
			v.js(`(document.body.style.minHeight = "3000px", bell.show())`)
			for _, width := range []int64{900, 320, 240} {
				v.width(width)
				for _, dir := range []string{"ltr", "rtl"} {
					v.js(`(document.dir = "` + dir + `", dispatchEvent(new Event("resize")))`)
					v.until(`document.documentElement.clientWidth > 200 && document.dir === "` + dir + `"`)
					require.Equal(t, "[]", v.js(outside), "%d wide, %s", width, dir)
					require.Equal(t, "[]", v.js(unseen), "%d wide, %s", width, dir)
				}
			}
			first := inBell(".item:nth-child(2)")
			shown := `getComputedStyle(` + first + `.querySelector(".actions")).opacity + getComputedStyle(` + first + `.querySelector(".unread-dot")).opacity`
			if v.js(`matchMedia("(hover: hover)").matches`) == "false" {
				require.Equal(t, "phone", name)
				require.Equal(t, `"11"`, v.js(shown), "where nothing can hover the actions are always there")
				return
			}
			require.Equal(t, `"01"`, v.js(shown))
			var at struct{ X, Y float64 }
			require.NoError(t, json.Unmarshal([]byte(v.js(`(({ x, y }) => ({ x: x + 60, y: y + 30 }))(`+first+`.getBoundingClientRect())`)), &at))
			v.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at.X, at.Y))
			v.until(shown + ` === "10"`)
			v.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 1, 1))
			v.until(shown + ` === "01"`)
		})
	}
}

// width makes the window so wide. Unlike chromedp.EmulateViewport it says nothing of
// fingers, which would take the mouse away.
func (v *visitor) width(width int64) {
	v.t.Helper()
	_, err := chromedp.Call(v.tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 480, DeviceScaleFactor: 1})
	require.NoError(v.t, err)
}
