package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

// The characters of this lesson: one that eats memory, one that burns processor time, and a
// pipe to each, so that both end when their proof does.

func init() {
	reexec.Register("eater", eat)
	reexec.Register("hog", burn)
	reexec.Register("worker", work)
}

// An actor is a process that is told what to do, a line at a time, and answers.
type actor struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start starts an actor in a group; "" is where we are ourselves.
func start(g group, name string, args ...string) (*actor, error) {
	return startCmd(g, reexec.Command(name, args...))
}

func startCmd(g group, cmd *exec.Cmd) (*actor, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := startIn(cmd, g); err != nil {
		return nil, err
	}
	return &actor{cmd, in, bufio.NewReader(out)}, nil
}

func (a *actor) pid() int { return a.cmd.Process.Pid }

// ask sends a line and returns the answer; an error is the end of the actor.
func (a *actor) ask(line string) (string, error) {
	if _, err := fmt.Fprintln(a.in, line); err != nil {
		return "", err
	}
	return a.out.ReadString('\n')
}

// eatMore has an eater take so many more megabytes, and says whether it lived to tell.
func (a *actor) eatMore(megabytes int) bool {
	_, err := a.ask(strconv.Itoa(megabytes))
	return err == nil
}

// end closes the actor's input, so that it ends by itself, and says how it did.
func (a *actor) end() string {
	a.in.Close()
	return ending(a.cmd)
}

// kill is for actors that do not listen.
func (a *actor) kill() {
	a.cmd.Process.Kill()
	a.end()
}

// eat runs in the child: it takes as many megabytes as it is told, and keeps them. "touch"
// takes one and gives it back, "fork" starts a child.
func eat() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		switch lines.Text() {
		case "touch":
			check(unix.Munmap(eatHere(1)))
			fmt.Println("done")
		case "fork":
			child := exec.Command("sleep", "60")
			check(child.Start())
			defer child.Process.Kill()
			fmt.Println(child.Process.Pid)
		default:
			megabytes, err := strconv.Atoi(lines.Text())
			check(err)
			eatHere(megabytes)
			fmt.Println("eaten")
		}
	}
}

// eatHere takes memory. To ask for it costs nothing: mmap(2) succeeds, and no limit is
// looked at. A page is charged when it is first touched, and that can not fail, only kill.
func eatHere(megabytes int) []byte {
	memory, err := unix.Mmap(-1, 0, megabytes*megabyte, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	check(err)
	for at := 0; at < len(memory); at += os.Getpagesize() {
		memory[at] = 1
	}
	return memory
}

// work runs in the child: for each line it does the same few million additions.
func work() {
	lines := bufio.NewScanner(os.Stdin)
	additions := 0
	for lines.Scan() {
		for range 4_000_000 {
			additions++
		}
		fmt.Println(additions)
	}
}

// burn runs in the child: it becomes a loop of one thread that waits for nothing. A Go
// program would not do: its runtime has a thread of its own that looks after the others, and
// what that uses is on the same bill. Given a number, it stays on that processor.
func burn() {
	if len(os.Args) > 1 {
		cpu, err := strconv.Atoi(os.Args[1])
		check(err)
		var only unix.CPUSet
		only.Set(cpu)
		runtime.LockOSThread() // an affinity is a thread's: this one's, which calls execve(2)
		check(unix.SchedSetaffinity(0, &only))
	}
	check(unix.Exec("/bin/sh", []string{"hog", "-c", "while :; do :; done"}, os.Environ()))
}

// startShell starts a shell with a script, in a group; "" is where we are ourselves. The
// scripts read lines, and so end with our pipe.
func startShell(g group, script string) (*actor, error) {
	return startCmd(g, exec.Command("sh", "-c", script))
}
