package main

import (
	"fmt"
	"math"
	"strings"

	"mydocker.example/shared/prose"
)

// Both charts have a logarithmic scale: equal lengths are equal ratios. On a straight one
// two of the three bars could not be seen.

// name is the method's in one language.
func (m *method) name(lang string) string {
	if lang == "ru" {
		return m.ru
	}
	return m.en
}

// decades is how many powers of ten lie between one and n.
func decades(n float64) float64 { return math.Max(0, math.Log10(n)) }

// scaleOf is the next whole number of decades above all values.
func scaleOf(all []*method, value func(*method) float64) float64 {
	top := 1.0
	for _, m := range all {
		top = math.Max(top, math.Ceil(decades(value(m))))
	}
	return top
}

// bars draws for a terminal.
func bars(all []*method, unit string, value func(*method) float64) string {
	const width = 36
	top := scaleOf(all, value)
	var out strings.Builder
	for _, m := range all {
		length := max(1, int(math.Round(decades(value(m))/top*width)))
		fmt.Fprintf(&out, "%-18s %s %.1f %s\n", m.name(prose.Lang()), strings.Repeat("█", length), value(m), unit)
	}
	axis := []rune(strings.Repeat(" ", width+8))
	for d := 0; d <= int(top); d++ {
		copy(axis[int(float64(d)/top*width):], []rune(fmt.Sprint(math.Pow10(d))))
	}
	fmt.Fprintf(&out, "%-18s %s", "", strings.TrimRight(string(axis), " "))
	return out.String()
}

// drawing draws both charts as one SVG.
func drawing(all []*method, lang string) string {
	const width, left, right, row = 740, 180, 110, 26
	var out strings.Builder
	height := 2*(len(all)*row+70) + 10
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="14">`+"\n", width, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	titles := []string{"start to first line, ms", "memory, MiB"}
	if lang == "ru" {
		titles = []string{"от запуска до первой строки, мс", "память, МиБ"}
	}
	for i, value := range []func(*method) float64{(*method).millis, (*method).mebis} {
		y := 30 + i*(len(all)*row+70)
		top := scaleOf(all, value)
		at := func(n float64) float64 { return left + decades(n)/top*(width-left-right) }
		fmt.Fprintf(&out, `<text x="10" y="%d" font-weight="bold">%s</text>`+"\n", y, titles[i])
		for d := 0; d <= int(top); d++ {
			x := at(math.Pow10(d))
			fmt.Fprintf(&out, `<line x1="%.0f" y1="%d" x2="%.0f" y2="%d" stroke="#ddd"/>`+"\n", x, y+10, x, y+12+len(all)*row)
			fmt.Fprintf(&out, `<text x="%.0f" y="%d" fill="#666" font-size="12" text-anchor="middle">%v</text>`+"\n", x, y+27+len(all)*row, math.Pow10(d))
		}
		for j, m := range all {
			line := y + 12 + j*row
			fmt.Fprintf(&out, `<text x="10" y="%d">%s</text>`+"\n", line+16, m.name(lang))
			fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%.0f" height="%d" fill="#4a7ab5"/>`+"\n", left, line+3, math.Max(2, at(value(m))-left), row-8)
			fmt.Fprintf(&out, `<text x="%.0f" y="%d">%.1f</text>`+"\n", math.Max(left+2, at(value(m)))+6, line+16, value(m))
		}
	}
	out.WriteString("</svg>\n")
	return out.String()
}
