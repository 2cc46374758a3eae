package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() { reexec.Register("fork-bomb", forkBomb) }

// forkBomb runs in the child, and in the child's child, and so on: whoever returns from
// clone(2) clones again. That is all. It is raw system calls in a loop, because a copy of a
// Go process that has not called execve(2) has one thread and no runtime (lesson 02). The
// first of them has both, and is not to be interrupted: for that its runtime may want one
// more thread, and a Go program that is refused one, as at a limit, ends.
func forkBomb() {
	runtime.LockOSThread() // never unlocked: the mask of signals is this thread's
	var all unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = math.MaxUint64
	}
	unix.PthreadSigmask(unix.SIG_BLOCK, &all, nil)
	for {
		unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	}
}

// fuse is the file by which the host says that it has seen the guest in good health.
const fuse = "/run/fuse"

const (
	silence   = 5 * time.Second  // no answer for so long: the lab has stopped answering
	bound     = 60 * time.Second // by when it must have
	hostLimit = 3 * time.Second  // for any command on the host, even a busy one
	labLimit  = time.Second      // for half of the commands in the lab that was saved; for all: silence
)

// bomb sets it off in a guest that has no limit. The guest does not survive this.
var bomb = proof.Proof{
	ID:     "fork-bomb",
	MayDie: true,
	Guest: func(r *proof.Report) error {
		if err := armed(r, ""); err != nil {
			return err
		}
		// Who is still scheduled counts; soon this is nobody.
		for begin, next := time.Now(), 100; ; time.Sleep(20 * time.Millisecond) {
			if n := population(); n >= next {
				r.Sawf("processes", fmt.Sprintf("the lab, 4th field of /proc/loadavg, after %.1f s", time.Since(begin).Seconds()), "%d", n)
				next = 2 * n
			}
		}
	},
	Watch: func(w *proof.Watch) {
		host := observe(w)
		defer host.report()
		lit := time.Now()
		for time.Since(lit) < bound {
			if _, ok := w.Answers(silence, "true"); !ok {
				w.Sawf("silent-after", fmt.Sprintf("`true` in the lab, no answer for %v; seconds after the first clone", silence), "%.1f", time.Since(lit).Seconds())
				host.halfTime()
				_, ok := w.Answers(silence, "true")
				w.Sawf("silent-still", fmt.Sprintf("`true` in the lab again, answered within %v", silence), "%v", ok)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		host.measure()
		w.End()
	},
	Judge: func(s *proof.Seen) {
		s.Equal("answered-before", "true")
		s.Check(s.Has("silent-after"), "the lab still answered %v after the bomb", bound)
		s.Equal("silent-still", "false")
		// The last word of the guest: on a busy host it has its last turn early.
		s.Check(s.Int("processes") >= s.Int("before")+32, "that is no bomb: %d processes, and %d before", s.Int("processes"), s.Int("before"))
		hostUnharmed(s)
	},
}

// defused sets the same bomb off in a cgroup with pids.max.
var defused = proof.Proof{
	ID:         "defused",
	Disposable: true, // it would be nothing less than a lab, if the claim were wrong
	Guest: func(r *proof.Report) error {
		g, err := newGroup(top, "bomb")
		if err != nil {
			return err
		}
		defer g.remove()
		if err := tell(r, g, "pids.max", "32"); err != nil {
			return err
		}
		if err := armed(r, g); err != nil {
			return err
		}
		if err := burning(r, g); err != nil {
			return err
		}
		if err := tell(r, g, "cgroup.kill", "1"); err != nil {
			return err
		}
		empty := func() bool { n, err := g.field("cgroup.events", "populated"); return err == nil && n == 0 }
		if !r.Eventually(5*time.Second, empty) {
			return fmt.Errorf("processes survived cgroup.kill")
		}
		return showField(r, "populated", g, "cgroup.events", "populated")
	},
	Watch: askWhileItBurns,
	Judge: func(s *proof.Seen) {
		labAnswered(s)
		s.Equal("populated", "0")
	},
}

// askWhileItBurns runs on the host: it has the lab run `true` all the time.
func askWhileItBurns(w *proof.Watch) {
	host := observe(w)
	defer host.report()
	if _, ok := w.Wait("burning", 15*time.Second); !ok {
		return
	}
	var slowest time.Duration
	var answers []time.Duration
	for range 12 {
		took, ok := w.Answers(silence, "true")
		if !ok {
			return
		}
		answers, slowest = append(answers, took), max(slowest, took)
		time.Sleep(100 * time.Millisecond)
	}
	w.Saw("chart", "12 × `true` in the lab meanwhile", chart(answers))
	w.Sawf("slowest-ms", "the slowest answer, ms", "%d", slowest.Milliseconds())
	w.Sawf("median-ms", "the median, ms", "%d", median(answers).Milliseconds())
	host.halfTime()
	host.measure()
	w.Answers(silence, "rm", fuse)
}

// labAnswered is the judge's side of it.
func labAnswered(s *proof.Seen) {
	s.Equal("answered-before", "true")
	s.Check(s.Int("slowest-ms") <= silence.Milliseconds(), "the lab took %d ms for an answer", s.Int("slowest-ms"))
	s.Check(s.Int("median-ms") <= labLimit.Milliseconds(), "half of the answers took %d ms and more", s.Int("median-ms"))
	s.Equal("peak", "32")
	s.Check(s.Int("refused") > 100, "clone(2) was refused %d times only", s.Int("refused"))
	hostUnharmed(s)
}

// burning waits until the bomb in g has met its limit, and then until the host has asked its
// questions.
func burning(r *proof.Report, g group) error {
	full := func() bool {
		n, err := g.field("pids.events", "max")
		return err == nil && n > 100
	}
	if !r.Eventually(10*time.Second, full) {
		return fmt.Errorf("the bomb never met its limit")
	}
	r.Saw("burning", "the limit is met, the bomb goes on", "ok")
	// The host asks its questions now, and takes the fuse away when it is done.
	if !r.Eventually(15*time.Second, func() bool { _, err := os.Stat(fuse); return err != nil }) {
		return fmt.Errorf("the host never came to its end")
	}
	// At the limit pids.current may be one more for a moment: the kernel adds the newcomer
	// first, and takes it back. Nobody ever came to be: pids.peak does not count it.
	if err := show(r, "peak", g, "pids.peak"); err != nil {
		return err
	}
	return showField(r, "refused", g, "pids.events", "max")
}

// fused waits until the host has lit the fuse.
func fused(r *proof.Report) error {
	cpus, err := cpusOnline()
	if err != nil {
		return err
	}
	r.Saw("cpus", "cat /sys/devices/system/cpu/online", cpus)
	r.Sawf("before", "the lab, 4th field of /proc/loadavg", "%d", population())
	if !r.Eventually(10*time.Second, func() bool { _, err := os.Stat(fuse); return err == nil }) {
		return fmt.Errorf("nobody lit the fuse")
	}
	return nil
}

// armed waits for the fuse and starts the bomb, in the group g; "" is our own, without limit.
func armed(r *proof.Report, g group) error {
	if err := fused(r); err != nil {
		return err
	}
	where := "root cgroup, no limit"
	if g != "" {
		where = "cgroup " + g.name()
	}
	if err := startIn(reexec.Command("fork-bomb"), g); err != nil {
		return err
	}
	r.Saw("lit", "for { clone() }", where)
	return nil
}

// population is how many threads there are on the machine: "0.00 0.01 0.05 1/97 4711" (proc_loadavg(5)).
func population() int {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	return parsePopulation(string(text))
}

func parsePopulation(loadavg string) int {
	fields := strings.Fields(loadavg)
	if len(fields) < 4 {
		return 0
	}
	_, all, _ := strings.Cut(fields[3], "/")
	n, _ := strconv.Atoi(all)
	return n
}

func cpusOnline() (string, error) {
	text, err := os.ReadFile("/sys/devices/system/cpu/online")
	return strings.TrimSpace(string(text)), err
}

// parseCPUs counts a list such as "0-1,4".
func parseCPUs(list string) (int, error) {
	n := 0
	for _, part := range strings.Split(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(first)
		if err != nil {
			return 0, err
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(last); err != nil {
				return 0, err
			}
		}
		n += b - a + 1
	}
	return n, nil
}
