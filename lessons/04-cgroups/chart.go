package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// bars are the heights of a chart: four milliseconds or less, and twice as much with each step.
var bars = []rune("▁▂▃▄▅▆▇█")

// chart draws latencies as a line of bars, in the order in which they were measured, and
// says what the median and the longest were. Never answered, a negative duration, is ×.
func chart(latencies []time.Duration) string {
	const width = 40
	var drawn []rune
	for _, took := range thin(latencies, width) {
		drawn = append(drawn, bar(took))
	}
	var answered []time.Duration
	for _, took := range latencies {
		if took >= 0 {
			answered = append(answered, took)
		}
	}
	text := string(drawn)
	if len(answered) > 0 {
		text += fmt.Sprintf("  median %s, longest %s", millis(median(answered)), millis(slices.Max(answered)))
	}
	if lost := len(latencies) - len(answered); lost > 0 {
		text += fmt.Sprintf(", never %d", lost)
	}
	return strings.TrimSpace(text)
}

func bar(took time.Duration) rune {
	if took < 0 {
		return '×'
	}
	height := 0
	for limit := 4 * time.Millisecond; took > limit && height < len(bars)-1; limit *= 2 {
		height++
	}
	return bars[height]
}

// thin takes the worst of every few, until the rest fits.
func thin(all []time.Duration, width int) []time.Duration {
	if len(all) <= width {
		return all
	}
	each := (len(all) + width - 1) / width
	var few []time.Duration
	for some := range slices.Chunk(all, each) {
		worst := slices.Max(some)
		if slices.Min(some) < 0 {
			worst = slices.Min(some)
		}
		few = append(few, worst)
	}
	return few
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
