package screen

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

// lookEvery is how often a screen is looked at.
const lookEvery = 50 * time.Millisecond

func sleep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lookEvery):
		return nil
	}
}

// A patience is a time limit that was measured on a quiet machine: on one that has more to do
// than it has processors it is longer by as much. The load is asked for while we wait, for it
// is an average of the last minute and comes late.
type patience struct {
	limit time.Duration
	begun time.Time
	most  float64 // the greatest factor that was seen
}

func (p *patience) over() bool { return time.Since(p.begun) > p.scaled() }

func (p *patience) scaled() time.Duration {
	p.most = max(p.most, factor(load(), runtime.NumCPU()))
	return time.Duration(float64(p.limit) * p.most)
}

func (p *patience) waited() time.Duration { return time.Since(p.begun).Round(100 * time.Millisecond) }

// factor is by how much a limit grows: twice for nothing in particular, as often as each
// processor is wanted on a busy machine, and no more than ten times, for what never comes is
// waited for to the end. LAB_SCALE, which says that a machine is slower than others, counts too.
func factor(load float64, processors int) float64 {
	slow := 1.0
	if n, err := strconv.Atoi(os.Getenv("LAB_SCALE")); err == nil && n > 6 { // 6 is that of an ordinary machine
		slow = float64(n) / 6
	}
	return slow * min(10, max(2, load/float64(processors)))
}

// load is how many processes have wanted to run at once in the last minute (proc_loadavg(5));
// 0 where nobody says.
func load() (one float64) {
	text, _ := os.ReadFile("/proc/loadavg")
	fmt.Sscan(string(text), &one)
	return one
}
