package app

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestPicturesOfTheDemo plays what the two pictures in the documents show, and has
// them made anew with -update. A picture in the documents has the size of today's.
func TestPicturesOfTheDemo(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	mina := firstGuest(t, h.URL())
	mina.looks(614, 1020, "light")
	mina.signIn("mina", "#/posts/3")
	jonas := mina.another()
	jonas.looks(614, 1020, "light")
	jonas.signIn("jonas", "#/posts/3")
	jonas.write(".thread > .comment-form textarea", "Saturday it is. I will bring the blanket!")
	jonas.click(".thread > .comment-form .primary")
	mina.eventually(badge, "4")
	mina.eventually(rung+".slice(0, 1)", []string{"Jonas commented: 4 comments now"})
	jonas.eventually(`(scrollTo(0, 0), document.querySelectorAll(".comment .said").length)`, 4)
	mina.eventually(`(scrollTo(0, 0), document.querySelectorAll(".toast").length)`, 0)
	mina.eventually(`(`+bell+`.show(), `+bell+`.shadowRoot.querySelectorAll(".item").length)`, 4)
	left, right := jonas.picture(), mina.picture()
	const gap = 12
	both := image.NewRGBA(image.Rect(0, 0, left.Bounds().Dx()+gap+right.Bounds().Dx(), left.Bounds().Dy()))
	draw.Draw(both, left.Bounds(), left, image.Point{}, draw.Src)
	draw.Draw(both, right.Bounds().Add(image.Pt(left.Bounds().Dx()+gap, 0)), right, image.Point{}, draw.Src)
	keepPicture(t, "demo-windows.png", both)

	tomas := mina.another()
	tomas.looks(1200, 640, "dark")
	tomas.signIn("tomas", "#/raffle/1")
	tomas.click("#draw-ticket")
	tomas.eventually(`document.querySelector("#counts").textContent`, "Tickets 7 · People 4")
	tomas.click("#crowd")
	tomas.eventually(`document.querySelector("#counts").textContent`, "Tickets 37 · People 34")
	tomas.eventually(`(scrollTo(0, 0), document.querySelectorAll(".toast").length)`, 0)
	tomas.eventually(`[...document.querySelectorAll(".visitors code")].map((e) => e.textContent = e.textContent.replace(/:\d+/, ":8080"))`,
		[]string{"curl -N http://127.0.0.1:8080/api/v1/raffle/1/subscribe"})
	keepPicture(t, "demo-raffle.png", tomas.picture())
}

// looks gives a window a size and a colour scheme.
func (g guest) looks(width, height int64, scheme string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.tab, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	require.NoError(g.t, err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	require.NoError(g.t, err)
}

// picture is what the window shows.
func (g guest) picture() image.Image {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.tab, patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(g.t, err)
	have, err := png.Decode(bytes.NewReader(shot))
	require.NoError(g.t, err)
	return have
}

// keepPicture compares a picture with that in the documents, or writes it there.
func keepPicture(t *testing.T, name string, have image.Image) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", name)
	if *update {
		var b bytes.Buffer
		require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, have))
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	kept, err := png.DecodeConfig(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, have.Bounds().Size(), image.Pt(kept.Width, kept.Height), "run go test ./cmd/internal/app -run Pictures -update")
}
