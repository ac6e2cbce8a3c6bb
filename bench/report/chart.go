package report

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// bar is a row of a chart: parts of one length after the other.
type bar struct {
	label string
	parts []part
	note  string // stands behind the bar
	faint bool   // it is there to compare with
}

// part is a piece of a bar, in one of the chart's tints.
type part struct {
	value float64
	tint  int
}

// chart is horizontal bars on one scale that begins at zero.
type chart struct {
	title, unit string
	tints       []string // what the tints stand for; one alone is not explained
	bars        []bar
}

// Measures of a chart, in its own units: a page shows it as wide as it is.
const (
	chartWidth = 760
	labelWidth = 250
	noteWidth  = 120
	barHeight  = 18
	rowHeight  = 27
	topHeight  = 52
	bottom     = 34
	ticks      = 5
)

// style makes a chart readable on light and dark pages: it has no background of
// its own.
const style = `text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}.unit,.tick,.note{fill:#59636e;font-size:12px}` +
	`.line{stroke:#d1d9e0;stroke-width:1}.t0{fill:#0969da}.t1{fill:#80b9f5}.f0{fill:#818b98}.f1{fill:#c1c8d0}` +
	`@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.unit,.tick,.note{fill:#9198a1}.line{stroke:#3d444d}.t0{fill:#4493f8}.t1{fill:#1f4f8f}.f0{fill:#656c76}.f1{fill:#3d444d}}`

// svg renders the chart. The same chart gives the same bytes.
func (c *chart) svg() []byte {
	height := topHeight + rowHeight*len(c.bars) + bottom
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`,
		chartWidth, height, chartWidth, height, escape(c.title))
	fmt.Fprintf(&out, "\n<style>%s</style>\n", style)
	c.text(&out, "title", 0, 18, "start", c.title)
	c.text(&out, "unit", 0, 38, "start", c.unit)
	c.legend(&out)
	end := topHeight + rowHeight*len(c.bars)
	step := scale(c.longest())
	for i := range ticks + 1 {
		x := c.x(float64(i)*step, step)
		fmt.Fprintf(&out, `<line class="line" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n", x, topHeight-4, x, end)
		c.text(&out, "tick", x, float64(end+16), "middle", number(float64(i)*step))
	}
	for i, b := range c.bars {
		y := float64(topHeight + rowHeight*i)
		c.text(&out, "label", labelWidth-8, y+14, "end", b.label)
		sum := 0.0
		for _, p := range b.parts {
			class := "t"
			if b.faint {
				class = "f"
			}
			x := c.x(sum, step)
			sum += p.value
			fmt.Fprintf(&out, `<rect class="%s%d" x="%.1f" y="%.1f" width="%.1f" height="%d"/>`+"\n", class, p.tint, x, y, c.x(sum, step)-x, barHeight)
		}
		c.text(&out, "note", c.x(sum, step)+6, y+14, "start", b.note)
	}
	out.WriteString("</svg>\n")
	return []byte(out.String())
}

// legend explains the tints.
func (c *chart) legend(out *strings.Builder) {
	if len(c.tints) < 2 {
		return
	}
	x := float64(labelWidth)
	for i, name := range c.tints {
		fmt.Fprintf(out, `<rect class="t%d" x="%.1f" y="29" width="10" height="10"/>`+"\n", i, x)
		c.text(out, "unit", x+15, 38, "start", name)
		x += 30 + 7*float64(len(name))
	}
}

func (*chart) text(out *strings.Builder, class string, x, y float64, anchor, text string) {
	if text != "" {
		fmt.Fprintf(out, `<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, escape(text))
	}
}

func (c *chart) longest() float64 {
	most := 0.0
	for _, b := range c.bars {
		sum := 0.0
		for _, p := range b.parts {
			sum += p.value
		}
		most = max(most, sum)
	}
	return most
}

// x is where a value stands.
func (*chart) x(value, step float64) float64 {
	return labelWidth + value/(step*ticks)*(chartWidth-labelWidth-noteWidth)
}

// scale is the distance of marks that are easy to read: 1, 2, 2.5 or 5 times a
// power of ten, and enough for the longest bar.
func scale(longest float64) float64 {
	if longest <= 0 {
		return 1
	}
	power := 1.0
	for power*ticks < longest {
		power *= 10
	}
	for power*ticks/10 >= longest {
		power /= 10
	}
	for _, f := range []float64{0.2, 0.25, 0.5} {
		if power*f*ticks >= longest {
			return power * f
		}
	}
	return power
}

// number writes a mark without digits that say nothing.
func number(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", v), "0"), ".")
}

func escape(s string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(s)) // a builder takes everything
	return out.String()
}
