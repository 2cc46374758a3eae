package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The lesson's attacks. Attacker and neighbour share a machine in miniature: a cgroup that
// has so many processes and so much memory and no more, as a real machine has. Without the
// mechanism the attacker is in the machine like everybody else, with it in a group of its own
// below, which has a limit.

// machine is the group in which both live; cell is the attacker's, below.
const (
	machine = group(top + "/machine")
	cell    = machine + "/cell"
	common  = machine + "/common" // processes may not be in machine itself: it has children
)

// dosProcesses takes every process number that there is.
var dosProcesses = proof.Proof{
	ID:        "dos-processes",
	Dangerous: true, // should pids.max not hold
	Attack: &proof.Attack{
		Prepare: func(r *proof.Report) (func(), error) {
			if err := newMachine(r, map[string]string{"pids.max": "200"}, map[string]string{"pids.max": "100"}); err != nil {
				return machine.remove, err
			}
			stop := watchNeighbour(r, runTrue)
			return func() { stop(); machine.remove() }, nil
		},
		Run:     takeProcesses,
		Without: func(cmd *exec.Cmd) error { return intoGroup(cmd, common) },
		With:    func(cmd *exec.Cmd) error { return intoGroup(cmd, cell) },
		Errno:   unix.EAGAIN,
	},
	Judge: func(s *proof.Seen) {
		s.Check(s.Int("never-1") > 0, "the neighbour could start processes all the time")
		s.Equal("never-2", "0")
	},
}

// dosMemory asks for memory until somebody has to die, and sees to it that it is another.
var dosMemory = proof.Proof{
	ID:        "dos-memory",
	Dangerous: true, // should memory.max not hold
	Attack: &proof.Attack{
		Prepare: func(r *proof.Report) (func(), error) {
			limit := fmt.Sprint(200 * megabyte)
			if err := newMachine(r, map[string]string{"memory.max": limit}, map[string]string{"memory.max": fmt.Sprint(40 * megabyte)}); err != nil {
				return machine.remove, err
			}
			neighbour, err := start(common, "eater")
			if err != nil {
				return machine.remove, err
			}
			r.Sawf("", "the neighbour has 140M of memory, and lives", "%v", neighbour.eatMore(140))
			// It takes and gives back a megabyte, as programs do.
			stop := watchNeighbour(r, func() error { _, err := neighbour.ask("touch"); return err })
			return func() {
				stop()
				r.Sawf(fmt.Sprintf("neighbour-%d", halves), "the neighbour, when its input ends", "%s", neighbour.end())
				machine.remove()
			}, nil
		},
		Run:     takeMemory,
		Without: func(cmd *exec.Cmd) error { return intoGroup(cmd, common) },
		With:    func(cmd *exec.Cmd) error { return intoGroup(cmd, cell) },
		Signal:  unix.SIGKILL,
	},
	Judge: func(s *proof.Seen) {
		s.Equal("neighbour-1", "SIGKILL")
		s.Check(s.Int("never-1") > 0, "the neighbour answered all the time")
		s.Equal("neighbour-2", "exit 0")
		s.Equal("never-2", "0")
	},
}

// takeMemory takes 80M, a bit at a time, in a child. The kernel may kill twice: while the
// memory of its first victim is still being freed, the next who asks has it look for another,
// and it looks past the one that is dying already. Then that is our child; and it starts
// anew, as a service does that somebody looks after.
func takeMemory(a *proof.Attacker) error {
	time.Sleep(300 * time.Millisecond) // so that the chart has a beginning
	for range 3 {
		eater, err := start("", "eater")
		if err != nil {
			return err
		}
		bites := 0
		for bites < 20 && eater.eatMore(4) {
			bites++
			time.Sleep(20 * time.Millisecond)
		}
		if bites == 20 {
			a.Saw("eaten, M", "80")
			time.Sleep(300 * time.Millisecond)
			eater.end()
			return nil
		}
		if how := eater.end(); how != "SIGKILL" {
			return fmt.Errorf("the eater: %s", how)
		}
	}
	return unix.Kill(os.Getpid(), unix.SIGKILL) // we end as it did
}

// newMachine makes the machine in miniature.
func newMachine(r *proof.Report, whole, cellLimits map[string]string) error {
	halves++
	if _, err := newGroup(top, "machine"); err != nil {
		return err
	}
	for _, controller := range []string{"+cpu", "+memory", "+pids"} {
		if err := machine.set("cgroup.subtree_control", controller); err != nil {
			return err
		}
	}
	for _, name := range []string{"common", "cell"} {
		if _, err := newGroup(machine, name); err != nil {
			return err
		}
	}
	for file, value := range whole {
		if err := tell(r, machine, file, value); err != nil {
			return err
		}
	}
	for file, value := range cellLimits {
		if err := tell(r, cell, file, value); err != nil {
			return err
		}
	}
	return nil
}

// intoGroup has the attacker born in a group. The descriptor must live until the engine
// starts the command; it ends with this process.
func intoGroup(cmd *exec.Cmd, g group) error {
	_, err := bornIn(cmd, g)
	return err
}

// takeProcesses clones until clone(2) fails, and goes on trying for some seconds: a number
// that somebody gives back is taken at once. Success is to have more than a hundred.
func takeProcesses(a *proof.Attacker) error {
	spareThreads(8) // and meanwhile the chart has its beginning
	const wanted, sitting = 100, 2 * time.Second
	var children []int
	var refused syscall.Errno
	millisecond := unix.Timespec{Nsec: 1_000_000}
	var since time.Time
	for since.IsZero() || time.Since(since) < sitting {
		pid, errno := cloneAndPause()
		if errno == 0 {
			children = append(children, pid)
			continue
		}
		refused = errno
		if since.IsZero() {
			since = time.Now()
		}
		unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&millisecond)), 0, 0)
	}
	for _, pid := range children {
		unix.Kill(pid, unix.SIGKILL)
		unix.Wait4(pid, nil, 0, nil)
	}
	a.Saw("clones that succeeded", strconv.Itoa(len(children)))
	a.Saw("and then", unix.ErrnoName(refused))
	if len(children) > wanted {
		return nil
	}
	return fmt.Errorf("clone: %w", refused)
}

// spareThreads makes Go's runtime clone n threads now. It keeps them, and later takes one of
// them where it would else clone: pids.max counts threads too, and a Go program that is
// refused a thread ends on the spot.
func spareThreads(n int) {
	var all sync.WaitGroup
	for range n {
		// Each call holds a thread until all n are in it.
		all.Go(func() { unix.Nanosleep(&unix.Timespec{Nsec: 400_000_000}, nil) })
	}
	all.Wait()
}

// cloneAndPause is a fork whose child does nothing, in raw system calls (lesson 02).
func cloneAndPause() (pid int, errno syscall.Errno) {
	child, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && child == 0 {
		unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
		for {
			unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0) // waits for nothing, for ever
		}
	}
	return int(child), errno
}

// runTrue is what the neighbour does for its living: it starts a program, in the machine.
func runTrue() error {
	cmd := exec.Command("true")
	if err := startIn(cmd, common); err != nil {
		return err
	}
	return cmd.Wait()
}

// watchNeighbour has the neighbour work all the time, and draws how long each piece took.
func watchNeighbour(r *proof.Report, work func() error) (stop func()) {
	number := fmt.Sprint(halves)
	quit, done := make(chan struct{}), make(chan struct{})
	var latencies []time.Duration
	never := 0
	go func() {
		defer close(done)
		for {
			begin := time.Now()
			err := work()
			took := time.Since(begin)
			if err != nil {
				never++
				took = -1
			}
			latencies = append(latencies, took)
			select {
			case <-quit:
				return
			case <-time.After(40 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		r.Saw("chart-"+number, "the neighbour's latency", chart(latencies))
		r.Sawf("never-"+number, "requests of the neighbour that were never answered", "%d", never)
	}
}
