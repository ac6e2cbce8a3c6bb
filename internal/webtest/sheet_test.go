package webtest

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// sheet is the open bell as each engine shows it, side by side: a row for each width
// and theme.
type sheet struct {
	mu     sync.Mutex
	engine map[string][]image.Image
}

// looks are what a row of the sheet shows.
var looks = []string{"light", "dark"}

// take has an engine show all rows.
func (s *sheet) take(p tab, engine string) {
	p.h.publish("sheet", texts(1, 9)...)
	p.visit("sheet", widths[0])
	p.until("client.items.length === 9")
	p.Evaluate("(bell.show(), client.markRead([8, 6]))")
	p.until("client.unread === 7")
	var rows []image.Image
	for _, width := range widths {
		p.Resize(width, height)
		for _, theme := range looks {
			p.Evaluate(fmt.Sprintf(`(document.documentElement.style.colorScheme = %q, bell.setAttribute("theme", %[1]q), dispatchEvent(new Event("resize")), %s)`, theme, settled))
			all, err := png.Decode(bytes.NewReader(p.Screenshot()))
			require.NoError(p.t, err)
			row := image.NewRGBA(image.Rect(0, 0, width, height))
			draw.Draw(row, row.Bounds(), all, all.Bounds().Min, draw.Src)
			rows = append(rows, row)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engine[engine] = rows
}

// write puts the pictures into one, as an artefact of the test (go test -artifacts).
func (s *sheet) write(t *testing.T) {
	t.Helper()
	const gap = 16
	column := widths[0] + gap
	all := image.NewRGBA(image.Rect(0, 0, column*len(testenv.Browsers()), (height+gap)*len(widths)*len(looks)))
	draw.Draw(all, all.Bounds(), image.Black, image.Point{}, draw.Src)
	for x, browser := range testenv.Browsers() {
		for y, row := range s.engine[browser.Name] {
			at := image.Pt(x*column, y*(height+gap))
			draw.Draw(all, row.Bounds().Add(at), row, image.Point{}, draw.Src)
		}
	}
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, all))
	require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), "bell.png"), file.Bytes(), 0o600))
}
