package stage

import (
	"fmt"
	"strings"
	"time"

	"mydocker.example/shared/internal/lay"
	"mydocker.example/shared/prose"
)

// A Plan is how the minutes of a lecture are to be spent: a share for each step, by how much
// there is to say about it.
type Plan struct {
	Total  time.Duration
	Shares []time.Duration
}

// NewPlan divides total by weight.
func NewPlan(total time.Duration, weights []int) Plan {
	p := Plan{Total: total, Shares: make([]time.Duration, len(weights))}
	sum := 0
	for _, w := range weights {
		sum += w
	}
	for i, w := range weights {
		if sum > 0 {
			p.Shares[i] = time.Duration(float64(total) * float64(w) / float64(sum))
		}
	}
	return p
}

// Before is when step i is due.
func (p Plan) Before(i int) (due time.Duration) {
	for _, share := range p.Shares[:min(i, len(p.Shares))] {
		due += share
	}
	return due
}

// Minutes are whole minutes, as a clock on the wall shows them.
func Minutes(d time.Duration) int { return int(d / time.Minute) }

// Clock says how long it is since begun, and how long it should be at step i. A lecture that
// has not begun has a plan only.
func (w *Words) Clock(p Plan, begun, now time.Time, i int) string {
	total := Minutes(p.Total.Round(time.Minute))
	switch {
	case begun.IsZero() && total == 0:
		return ""
	case begun.IsZero():
		return fmt.Sprintf(w.planned, total)
	case total == 0:
		return fmt.Sprintf(w.gone, Minutes(now.Sub(begun)))
	}
	return fmt.Sprintf(w.clock, Minutes(now.Sub(begun)), Minutes(p.Before(i).Round(time.Minute)), total)
}

// Bar is a line of hints with the clock at its end. On a narrow screen hints are left out
// from behind, but not the last, which names the key for all of them.
func (w *Words) Bar(width int, hints []string, clock string) string {
	const between = " · "
	for {
		left := strings.Join(hints, between)
		room := width - 1 - prose.Columns(left) - prose.Columns(clock)
		switch {
		case clock == "" && room >= 0:
			return left
		case room >= 2:
			return left + strings.Repeat(" ", room) + clock
		case len(hints) > 2:
			hints = append(append([]string{}, hints[:len(hints)-2]...), hints[len(hints)-1])
		case clock != "":
			clock = ""
		default:
			return lay.Cut(left, width-1)
		}
	}
}
