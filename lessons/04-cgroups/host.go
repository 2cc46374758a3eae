package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"mydocker.example/shared/proof"
)

// What the host notices of a bomb in the lab. All of this runs in the judge, on your
// machine, which the bomb must not reach: three measurements, and a person's question, "does
// it still answer?", asked all the time.
type observer struct {
	w     *proof.Watch
	begin time.Time
	cpu   time.Duration // QEMU's, at the beginning
	kin   int           // its children, then

	mu     sync.Mutex
	probes []time.Duration
	stop   chan struct{}
	gone   sync.WaitGroup
	broken error
}

// observe measures the host while the guest is in good health, and lights the fuse.
func observe(w *proof.Watch) *observer {
	o := &observer{w: w, begin: time.Now(), stop: make(chan struct{})}
	all, kin := hostProcesses(w.QEMU())
	o.kin = kin
	w.Sawf("host-before", "the host: processes", "%d", all)
	took, ok := w.Answers(20*time.Second, "touch", fuse)
	w.Sawf("answered-before", "the lab: answers a command", "%v", ok)
	w.Sawf("", "the lab: took, ms", "%d", took.Milliseconds())
	o.cpu, o.broken = cpuTime(w.QEMU())
	o.begin = time.Now()
	o.gone.Go(o.probe)
	return o
}

// probe runs a command on the host, again and again: fork, exec, wait.
func (o *observer) probe() {
	for {
		begin := time.Now()
		err := exec.Command("true").Run()
		o.mu.Lock()
		o.probes = append(o.probes, time.Since(begin))
		if err != nil {
			o.broken = err
		}
		o.mu.Unlock()
		select {
		case <-o.stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// halfTime counts the host's processes while the bomb is in full swing.
func (o *observer) halfTime() {
	all, kin := hostProcesses(o.w.QEMU())
	o.w.Sawf("host-during", "the host: processes, with the bomb burning", "%d", all)
	o.w.Sawf("host-kin", "the host: QEMU's children, before and now", "%d %d", o.kin, kin)
}

// measure reads what QEMU has used, before it is gone.
func (o *observer) measure() {
	cpu, err := cpuTime(o.w.QEMU())
	if err != nil {
		o.broken = err
		return
	}
	wall := time.Since(o.begin)
	o.w.Sawf("qemu-cpus", fmt.Sprintf("the host: processors that QEMU kept busy, over %.1f s", wall.Seconds()), "%.2f", (cpu-o.cpu).Seconds()/wall.Seconds())
}

// report ends the probe and says how it fared.
func (o *observer) report() {
	close(o.stop)
	o.gone.Wait()
	if o.broken != nil {
		o.w.Saw("host-broken", "the host", o.broken.Error())
	}
	var slowest time.Duration
	for _, took := range o.probes {
		slowest = max(slowest, took)
	}
	o.w.Saw("host-chart", fmt.Sprintf("the host: %d × `true` meanwhile", len(o.probes)), chart(o.probes))
	o.w.Sawf("host-slowest-ms", "the host: the slowest, ms", "%d", slowest.Milliseconds())
	o.w.Sawf("host-probes", "the host: answers", "%d", len(o.probes))
}

// hostUnharmed is the judge's side of it.
func hostUnharmed(s *proof.Seen) {
	s.Check(!s.Has("host-broken"), "the host could not be observed: %s", lookUp(s, "host-broken"))
	s.Check(s.Int("host-probes") >= 10, "the host was asked %d times only", s.Int("host-probes"))
	s.Check(s.Int("host-slowest-ms") <= hostLimit.Milliseconds(), "the host took %d ms for an answer", s.Int("host-slowest-ms"))
	s.Equal("host-kin", "0 0")
	// People and services start processes too; a bomb is another order of magnitude.
	grown := s.Int("host-during") - s.Int("host-before")
	s.Check(grown < 100, "the host has %d processes more than before", grown)
	cpus, err := parseCPUs(s.Get("cpus"))
	s.Check(err == nil, "%v", err)
	used, err := strconv.ParseFloat(s.Get("qemu-cpus"), 64)
	s.Check(err == nil, "%v", err)
	// Beside the virtual processors a thread of QEMU carries our words in and out.
	s.Check(used <= float64(cpus)+0.3, "QEMU kept %.2f processors busy, and the lab has %d", used, cpus)
}

func lookUp(s *proof.Seen, key string) string {
	if !s.Has(key) {
		return ""
	}
	return s.Get(key)
}

// hostProcesses counts the processes of this machine, and the children of QEMU: a process
// that got out of the guest would have to be one of these.
func hostProcesses(qemu int) (all, children int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, 0
	}
	for _, entry := range entries {
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if _, no := strconv.Atoi(entry.Name()); no != nil || err != nil {
			continue
		}
		all++
		if _, fields := parseStat(string(stat)); len(fields) > 1 && fields[1] == strconv.Itoa(qemu) {
			children++
		}
	}
	return all, children
}

// cpuTime is what a process and all its threads have used of the processors, utime and stime
// of /proc/PID/stat (proc_pid_stat(5)).
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, fields := parseStat(string(text))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, text)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// ticksPerSecond is sysconf(_SC_CLK_TCK): 100 wherever Linux runs Go.
const ticksPerSecond = 100

// parseStat takes "4711 (a (strange) name) S 1 …" apart: the name, and the fields after it,
// from the state on.
func parseStat(text string) (name string, fields []string) {
	from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if from < 0 || to < from {
		return "", nil
	}
	return text[from+1 : to], strings.Fields(text[to+1:])
}
