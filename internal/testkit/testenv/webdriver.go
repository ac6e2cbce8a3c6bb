package testenv

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// commandTimeout bounds one command to a browser.
const commandTimeout = 30 * time.Second

// Browser is an engine that pages have to work in.
type Browser struct {
	// Name is "chromium", "firefox" or "webkit": fit for a subtest.
	Name string

	start func(testing.TB) wire
}

// Browsers lists the engines to run a test on.
func Browsers() []Browser {
	return []Browser{{"chromium", startChromium}, {"firefox", startFirefox}, {"webkit", startWebKit}}
}

// wire carries commands of WebDriver (https://www.w3.org/TR/webdriver2/), named by
// their paths, to one browser. Without parameters a command asks.
type wire interface {
	command(path string, parameters any) (json.RawMessage, error)
}

// Page is a tab of a browser. It is for one goroutine, as are all tabs of one browser.
type Page struct {
	tb      testing.TB
	session *session
	handle  string
	framed  bool
}

// session is what the tabs of one browser share.
type session struct {
	wire    wire
	current *Page // the tab that commands go to
}

// Start starts a browser with an empty profile and returns its first tab. It ends with the test.
func (b Browser) Start(tb testing.TB) *Page {
	tb.Helper()
	p := &Page{tb: tb, session: &session{wire: b.start(tb)}}
	p.session.current = p
	p.command("/window", nil, &p.handle)
	p.command("/window/rect", map[string]any{"width": 1280, "height": 1024}, nil)
	return p
}

// Another opens one more tab of the same browser.
func (p *Page) Another() *Page {
	p.tb.Helper()
	var made struct {
		Handle string `json:"handle"`
	}
	p.command("/window/new", map[string]any{"type": "tab"}, &made)
	return &Page{tb: p.tb, session: p.session, handle: made.Handle}
}

// For is the same tab in a test within the one that started the browser.
func (p *Page) For(tb testing.TB) *Page {
	tb.Helper()
	p.tb = tb
	return p
}

// Close closes the tab. Another one has to be left.
func (p *Page) Close() {
	p.tb.Helper()
	p.command("/window/close", map[string]any{}, nil)
}

// Go shows a page in the whole window.
func (p *Page) Go(address string) {
	p.tb.Helper()
	p.command("/url", map[string]any{"url": address}, nil)
	p.framed = false
}

// Back goes back to the page before.
func (p *Page) Back() {
	p.tb.Helper()
	p.command("/back", map[string]any{}, nil)
}

// Open shows a page in a frame of exactly this size: windows have a least width,
// which is more than a phone's.
func (p *Page) Open(page string, width, height int) {
	p.tb.Helper()
	address, err := url.Parse(page)
	require.NoError(p.tb, err)
	// Of the frame's own origin, so that the page is no third party.
	p.Go(address.ResolveReference(&url.URL{Path: "/"}).String())
	p.command("/execute/sync", map[string]any{"args": []any{page, width, height}, "script": `
		const frame = Object.assign(document.createElement("iframe"), { src: arguments[0], width: arguments[1], height: arguments[2] });
		frame.style.border = document.body.style.margin = 0;
		document.body.replaceChildren(frame);
		return new Promise((resolve) => { frame.onload = () => resolve(); });`}, nil)
	p.command("/frame", map[string]any{"id": 0}, nil)
	p.framed = true
}

// Resize gives a page that was opened in a frame another size.
func (p *Page) Resize(width, height int) {
	p.tb.Helper()
	p.Evaluate(fmt.Sprintf("(Object.assign(frameElement, { width: %d, height: %d }), new Promise(requestAnimationFrame))", width, height))
}

// Evaluate awaits an expression on the page and returns its JSON.
func (p *Page) Evaluate(expression string) string {
	p.tb.Helper()
	var value string
	script := `return (async () => JSON.stringify(await (` + expression + `)) ?? "undefined")()`
	p.command("/execute/sync", map[string]any{"script": script, "args": []any{}}, &value)
	return value
}

// still waits until an element, and what it is in, has come to where it stays: a
// busy browser would press where it was. A page may draw it anew meanwhile.
const still = `
	return (async () => {
		for (;;) {
			const element = find();
			const moves = [];
			for (let e = element; e; e = e.parentNode ?? e.host) if (e instanceof Element) moves.push(...e.getAnimations());
			const ending = moves.filter(({ effect }) => effect.getComputedTiming().endTime < Infinity);
			await Promise.allSettled(ending.map(({ finished }) => finished));
			if (find() === element) return element;
		}
	})();`

// Click presses a mouse's button in the middle of an element.
func (p *Page) Click(element string) {
	p.tb.Helper()
	var reference any
	p.command("/execute/sync", map[string]any{"script": "const find = () => " + element + ";" + still, "args": []any{}}, &reference)
	require.NotNil(p.tb, reference, element)
	p.act("pointer", map[string]any{"type": "pointerMove", "x": 0, "y": 0, "duration": 0, "origin": reference},
		map[string]any{"type": "pointerDown", "button": 0}, map[string]any{"type": "pointerUp", "button": 0})
}

// Press presses keys, one after the other: characters, or those of WebDriver's table.
func (p *Page) Press(keys ...string) {
	p.tb.Helper()
	for _, key := range keys {
		p.act("key", map[string]any{"type": "keyDown", "value": key}, map[string]any{"type": "keyUp", "value": key})
	}
}

// act performs actions of one device.
func (p *Page) act(device string, actions ...any) {
	p.tb.Helper()
	p.command("/actions", map[string]any{"actions": []any{map[string]any{"type": device, "id": device, "actions": actions}}}, nil)
}

// Screenshot is what can be seen, as a PNG.
func (p *Page) Screenshot() []byte {
	p.tb.Helper()
	var text string
	p.command("/screenshot", nil, &text)
	png, err := base64.StdEncoding.DecodeString(text)
	require.NoError(p.tb, err)
	return png
}

// command sends a command to this tab and reads its value.
func (p *Page) command(path string, parameters, value any) {
	p.tb.Helper()
	if p.session.current != p {
		p.session.current = p
		p.command("/window", map[string]any{"handle": p.handle}, nil)
		if p.framed {
			p.command("/frame", map[string]any{"id": 0}, nil)
		}
	}
	answer, err := p.session.wire.command(path, parameters)
	require.NoError(p.tb, err, "%s: %v", path, parameters)
	if value != nil {
		require.NoError(p.tb, json.Unmarshal(answer, value), "%s: %s", path, answer)
	}
}
