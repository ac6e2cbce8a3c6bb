package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rect is a piece of a bar, or of the legend.
type rect struct {
	class       string
	x, y, width float64
}

// parse reads a chart as a browser would, and returns its rectangles and texts.
func parse(t *testing.T, svg []byte) (rects []rect, texts []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	in := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return rects, texts
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			in = token.Name.Local
			if in != "rect" {
				continue
			}
			var r rect
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "class":
					r.class = a.Value
				case "x":
					r.x = float(t, a.Value)
				case "y":
					r.y = float(t, a.Value)
				case "width":
					r.width = float(t, a.Value)
				}
			}
			rects = append(rects, r)
		case xml.CharData:
			if in == "text" && strings.TrimSpace(string(token)) != "" {
				texts = append(texts, string(token))
			}
		}
	}
}

func float(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

func TestChartDrawsToScale(t *testing.T) {
	t.Parallel()
	c := &chart{
		title: "a < b & c", unit: "s", tints: []string{"user", "kernel"},
		bars: []bar{
			{label: "one", parts: []part{{2, 0}, {6, 1}}, note: "8"},
			{label: "half", parts: []part{{4, 0}}, faint: true},
			{label: "nothing", parts: []part{{0, 0}}},
		},
	}
	svg := c.svg()
	rects, texts := parse(t, svg)
	require.Contains(t, texts, "a < b & c")
	require.Subset(t, texts, []string{"one", "half", "nothing", "8", "user", "kernel", "0", "2", "4", "6", "8", "10"})
	require.Len(t, rects, 2+4, "the legend's and the bars'")
	bars := rects[2:]
	whole := bars[0].width + bars[1].width
	require.InDelta(t, 3, bars[1].width/bars[0].width, 0.01)
	require.InDelta(t, bars[0].x+bars[0].width, bars[1].x, 0.11, "one part begins where the other ends")
	require.InDelta(t, 0.5, bars[2].width/whole, 0.01)
	require.Zero(t, bars[3].width)
	require.Equal(t, []string{"t0", "t1", "f0", "t0"}, []string{bars[0].class, bars[1].class, bars[2].class, bars[3].class})
	require.InDelta(t, bars[0].y, bars[1].y, 0)
	require.Greater(t, bars[2].y, bars[1].y)
	for _, r := range rects {
		require.LessOrEqual(t, r.x+r.width, float64(chartWidth-noteWidth)+0.1)
	}
	require.Equal(t, svg, c.svg(), "the same every time")
	require.Contains(t, string(svg), "prefers-color-scheme:dark")
}

func TestScaleIsEasyToRead(t *testing.T) {
	t.Parallel()
	for longest, step := range map[float64]float64{0: 1, 1: 0.2, 1.1: 0.25, 4: 1, 5: 1, 5.1: 2, 11: 2.5, 12.6: 5, 27.4: 10, 55: 20, 0.003: 0.001} {
		require.InDelta(t, step, scale(longest), 1e-9, "%v", longest)
		require.GreaterOrEqual(t, scale(longest)*ticks, longest)
	}
}

func TestNumbersSayWhatMeansSomething(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"0", "2.5", "10", "0.001"}, []string{number(0), number(2.5), number(10), number(0.001)})
	require.Equal(t, []string{"7", "999", "1,000", "15,000", "1,234,567"},
		[]string{thousands(7), thousands(999), thousands(1000), thousands(15000), thousands(1234567)})
	require.Equal(t, []string{"13.7", "0.11", "0.004"}, []string{precise(13.66), precise(0.11), precise(0.0041)})
	require.Equal(t, []string{"512 bytes", "1.4 KB"}, []string{size(512), size(1367)})
	require.Equal(t, []string{"0.3 ms", "15.9 ms", "1.2 s"}, []string{span(0.0003), span(0.0159), span(1.2)})
}
