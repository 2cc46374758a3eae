package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

// An actor is a process that makes one call after another, as it is told, and says what the
// kernel answered: "ok", a text, or an errno. So a proof can have one process write a map,
// another live in it, and look at both. An actor may have a child, which is an actor too:
// what an ordinary user does, an actor that is this user does.
//
// An actor that hears no more of its proof ends, and its child with it.
type actor struct {
	pid  int
	cmd  *exec.Cmd
	end  func()
	to   *json.Encoder
	from *json.Decoder
}

// An act runs in the actor: after clone(2), and after the execve(2) of this program.
type act func(args []string) (string, error)

// newActor starts an actor. What is in attr is set in the parent and takes effect in
// clone(2), or between clone(2) and execve(2).
func newActor(attr *syscall.SysProcAttr) (*actor, error) {
	cmd := reexec.Command("actor")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = attr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	a := &actor{pid: cmd.Process.Pid, cmd: cmd, to: json.NewEncoder(in), from: json.NewDecoder(out)}
	a.end = func() { in.Close(); cmd.Wait() }
	return a, nil
}

// asStudent starts an actor that is the user student.
func asStudent(groups ...uint32) (*actor, error) {
	who, err := student(groups...)
	if err != nil {
		return nil, err
	}
	return newActor(&syscall.SysProcAttr{Credential: who})
}

// ask has the actor do an act, and returns the answer of the kernel. What is wrong with the
// conversation itself is an answer too, which no judge accepts.
func (a *actor) ask(order ...string) string {
	if err := a.to.Encode(order); err != nil {
		return err.Error()
	}
	var reply string
	if err := a.from.Decode(&reply); err != nil {
		return fmt.Sprintf("actor %d, %s: %v", a.pid, order[0], err)
	}
	return reply
}

// clone has the actor make its child: kinds as in "user,uts", maps as in "0 1000 1", one for
// users and groups alike; none leaves the child without. It returns the child's PID.
func (a *actor) clone(kinds string, maps ...string) (pid int, err error) {
	reply := a.ask(append([]string{"clone", kinds}, maps...)...)
	pid, err = strconv.Atoi(reply)
	if err != nil {
		return 0, fmt.Errorf("clone(%s): %s", kinds, reply)
	}
	return pid, nil
}

// child asks the actor's child.
func (a *actor) child(order ...string) string { return a.ask(append([]string{"child"}, order...)...) }

func init() { reexec.Register("actor", playActor) }

// offspring is the child of this actor, if it has one.
var offspring *actor

// playActor is the actor's side.
func playActor() {
	// Namespaces other than the user namespace belong to a thread here: all acts share one,
	// which is never unlocked; the actor ends with it.
	runtime.LockOSThread()
	orders, replies := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var order []string
		if err := orders.Decode(&order); err != nil {
			break // the proof is over
		}
		if order[0] == "exec-again" {
			// The answer first: after execve(2) nobody remembers the question.
			replies.Encode("ok")
			err := unix.Exec("/proc/self/exe", []string{"actor"}, os.Environ())
			fmt.Fprintf(os.Stderr, "execve(%q): %v\n", "/proc/self/exe", err)
			os.Exit(1)
		}
		do, known := acts[order[0]]
		if !known {
			do = func([]string) (string, error) { return "", errors.New("no act " + order[0]) }
		}
		text, err := do(order[1:])
		if err == nil && text == "" {
			text = "ok"
		}
		if err := replies.Encode(said(text, err)); err != nil {
			break
		}
	}
	if offspring != nil {
		offspring.end()
	}
}

// cloneChild: the answer is the child's PID.
func cloneChild(args []string) (string, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	for _, kind := range strings.Split(args[0], ",") {
		attr.Cloneflags |= cloneFlags[kind]
	}
	if len(args) > 1 {
		lines, err := parseMap(args[1])
		if err != nil {
			return "", err
		}
		// The standard library writes them between clone(2) and execve(2), while the child
		// waits for it, and "deny" into setgroups before.
		attr.UidMappings, attr.GidMappings = lines, lines
		// A map makes nobody 0 who was not: that is setuid(2), after the map, before execve(2).
		attr.Credential = &syscall.Credential{Uid: 0, Gid: 0}
	}
	child, err := newActor(attr)
	if err != nil {
		return "", err
	}
	if offspring != nil {
		offspring.end()
	}
	offspring = child
	return strconv.Itoa(child.pid), nil
}

var cloneFlags = map[string]uintptr{
	"user": unix.CLONE_NEWUSER, "uts": unix.CLONE_NEWUTS, "mnt": unix.CLONE_NEWNS,
	"pid": unix.CLONE_NEWPID, "ipc": unix.CLONE_NEWIPC,
}

// askChild hands an order on.
func askChild(args []string) (string, error) {
	if offspring == nil {
		return "", errors.New("no child")
	}
	return offspring.ask(args...), nil
}

// parseMap reads "0 1000 1, 1 100000 65535", as the kernel takes it, a comma for a newline.
func parseMap(text string) ([]syscall.SysProcIDMap, error) {
	var lines []syscall.SysProcIDMap
	for _, line := range strings.Split(text, ",") {
		var l syscall.SysProcIDMap
		if n, err := fmt.Sscan(line, &l.ContainerID, &l.HostID, &l.Size); n != 3 {
			return nil, fmt.Errorf("%q is not three numbers: %w", line, err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}
