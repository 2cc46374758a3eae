package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() { reexec.Register("answers", answers) }

// answers runs in a child, as process 1 of its namespace. It waits for a SIGUSR1; then it
// sends SIGUSR2 to its parent in each way that it is asked to, and says how that went.
func answers() {
	parent, err := strconv.Atoi(os.Args[1]) // the parent's number, where the parent lives
	check(err)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGUSR1)
	signal.Ignore(unix.SIGUSR2) // what goes to our whole group comes to us too
	fmt.Println("ready")        // only now: a SIGUSR1 without a handler would be lost
	fmt.Println(unix.SignalName((<-asked).(unix.Signal)))

	for ways := bufio.NewScanner(os.Stdin); ways.Scan(); {
		switch ways.Text() {
		case "getppid":
			fmt.Println(os.Getppid())
		case "number":
			fmt.Println(answer(unix.Kill(parent, unix.SIGUSR2)))
		case "pidfd":
			fmt.Println(answer(unix.PidfdSendSignal(3, unix.SIGUSR2, nil, 0)))
		case "group":
			// To kill(2), 0 is no process: it is every process of the caller's group. A
			// program that signals its parent without looking at the number does this.
			fmt.Println(answer(unix.Kill(os.Getppid(), unix.SIGUSR2)))
		}
	}
}

// talk is the conversation of lesson 01, with the border of a PID namespace in between.
var talk = proof.Proof{
	ID: "signals-across",
	Guest: func(r *proof.Report) error {
		// kill(0, …) will go to our process group: it must hold us and nobody else.
		if unix.Getpgrp() != os.Getpid() {
			if err := unix.Setpgid(0, 0); err != nil {
				return fmt.Errorf("setpgid(0, 0): %w", err)
			}
		}
		r.Note("a child as in lesson 01", "потомок, как в уроке 01")
		if err := converse(r, "same", &syscall.SysProcAttr{}); err != nil {
			return err
		}
		r.Note("a child in a new PID namespace", "потомок в новом пространстве имён PID")
		if err := converse(r, "pid", &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}); err != nil {
			return err
		}
		r.Note("the same, in a process group of its own", "то же, в собственной группе процессов")
		return converse(r, "group", &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Setpgid: true})
	},
	Judge: func(s *proof.Seen) {
		for _, scene := range []string{"same", "pid", "group"} {
			s.Equal("asked-"+scene, "SIGUSR1") // down the tree nothing has changed
			s.Equal("died-"+scene, "SIGCHLD")
		}
		// Lesson 01: every way leads to the parent.
		for _, way := range []string{"number", "pidfd", "group"} {
			s.Equal(way+"-same", "ok")
			s.Equal(way+"-same-heard", "SIGUSR2")
		}
		for _, scene := range []string{"pid", "group"} {
			s.Equal("getppid-"+scene, "0")
			s.Equal("number-"+scene, "ESRCH")
			s.Equal("pidfd-"+scene, "EINVAL")
			s.Equal("group-"+scene, "ok")
		}
		s.Equal("group-pid-heard", "SIGUSR2")   // the hole …
		s.Equal("group-group-heard", "nothing") // … and how it is closed
	},
}

// converse starts a child and reports what it hears of us, and we of it.
func converse(r *proof.Report, scene string, attr *syscall.SysProcAttr) error {
	heard, died := make(chan os.Signal, 8), make(chan os.Signal, 8)
	signal.Notify(heard, unix.SIGUSR2)
	signal.Notify(died, unix.SIGCHLD)
	defer signal.Stop(heard)
	defer signal.Stop(died)

	// A descriptor of ourselves, for the child: it names us without a number (pidfd_open(2)).
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("pidfd_open(%d): %w", os.Getpid(), err)
	}
	self := os.NewFile(uintptr(fd), "pidfd")
	defer self.Close()
	cmd := reexec.Command("answers", strconv.Itoa(os.Getpid()))
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{self} // descriptor 3
	cmd.SysProcAttr = attr
	child, err := spawn(cmd)
	if err != nil {
		return err
	}
	defer child.end()
	if _, err := child.line(); err != nil { // "ready"
		return err
	}

	// The question goes down the tree …
	if err := unix.Kill(child.pid(), unix.SIGUSR1); err != nil {
		return fmt.Errorf("kill(%d, SIGUSR1): %w", child.pid(), err)
	}
	got, err := child.line()
	if err != nil {
		return err
	}
	r.Saw("asked-"+scene, fmt.Sprintf("the parent: kill(%d, SIGUSR1); the child gets", child.pid()), got)
	ppid, err := child.ask("getppid")
	if err != nil {
		return err
	}
	r.Saw("getppid-"+scene, "the child: getppid(2)", ppid)

	// … and the answer goes up, or not.
	for _, way := range []struct{ name, question string }{
		{"number", fmt.Sprintf("the child: kill(%d, SIGUSR2), the parent's number", os.Getpid())},
		{"pidfd", "the child: pidfd_send_signal(2), through a descriptor of the parent"},
		{"group", "the child: kill(getppid(), SIGUSR2)"},
	} {
		said, err := child.ask(way.name)
		if err != nil {
			return err
		}
		r.Saw(way.name+"-"+scene, way.question, said)
		if said == "ok" {
			r.Saw(way.name+"-"+scene+"-heard", "the parent hears", next(r, heard))
		}
	}

	// One signal the kernel sends by itself.
	if err := unix.Kill(child.pid(), unix.SIGKILL); err != nil {
		return fmt.Errorf("kill(%d, SIGKILL): %w", child.pid(), err)
	}
	child.ending()
	r.Saw("died-"+scene, "the child dies; the parent hears", next(r, died))
	return nil
}

// next is the next signal on a channel. kill(2) has returned, so the signal is with us
// already; what may take a moment is Go's way of handing it over.
func next(r *proof.Report, heard <-chan os.Signal) string {
	name := "nothing"
	r.Eventually(300*time.Millisecond, func() bool {
		select {
		case sig := <-heard:
			name = unix.SignalName(sig.(unix.Signal))
			return true
		default:
			return false
		}
	})
	return name
}
