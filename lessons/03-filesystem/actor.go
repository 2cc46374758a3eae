package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// An actor is a process that does what it is told: one act after another, each a function
// of this lesson, in a mount namespace that is not ours. So a proof can have one process
// pivot, and look at another. The proof itself never mounts anything.
//
// An actor that hears no more of its proof ends, and what it had mounted ends with its
// namespace.
type actor struct {
	pid   int
	cmd   *exec.Cmd // nil: not our child but another actor's
	conn  *os.File  // to the actor
	spare *os.File  // our end of the conversation with the actor's child, should it get one
}

// acts are what an actor can be told to do. An act runs in the actor: after clone(2), and
// after the execve(2) of this program. say reports a fact, as Report.Saw does.
type act func(say say, args []string) error

type say func(key, question, answer string)

var acts = map[string]act{
	"become-machine":   func(say, []string) error { return becomeMachine() },
	"mount-tmpfs":      mountTmpfs,
	"unmount":          func(_ say, args []string) error { return doUmount(args[0], 0) },
	"propagation":      setPropagation,
	"bind":             bind,
	"chroot":           func(_ say, args []string) error { return intoByChroot(args[0]) },
	"pivot":            func(_ say, args []string) error { return intoByPivot(args[0]) },
	"pivot-and-detach": func(_ say, args []string) error { return pivotAndDetach(args[0]) },
	"visit":            visit,
	"refusal":          actRefusal,
	"dot":              dot,
	"leave-old-root":   leaveOldRoot,
	"drop-old-root":    dropOldRoot,
	"overlay":          overlayScene,
	"whiteout":         whiteoutScene,
	"devices":          devicesScene,
	"read-only":        readOnlyScene,
	"honest-symlink":   honestSymlink,
}

// An order is what goes to the actor, a reply what comes back.
type order struct {
	Act  string
	Args []string
}

type reply struct {
	Facts [][3]string
	Error string     `json:",omitempty"`
	Errno unix.Errno `json:",omitempty"`
	PID   int        `json:",omitempty"`
}

// startActor starts an actor with new namespaces; flags is 0 for none.
func startActor(flags uintptr) (*actor, error) {
	conn, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	spare, childs, err := socketpair()
	if err != nil {
		conn.Close()
		return nil, err
	}
	defer childs.Close()
	cmd := reexec.Command("actor")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{theirs, childs} // descriptors 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if err := cmd.Start(); err != nil {
		conn.Close()
		spare.Close()
		return nil, fmt.Errorf("clone(%#x): %w", flags, err)
	}
	return &actor{pid: cmd.Process.Pid, cmd: cmd, conn: conn, spare: spare}, nil
}

// clone has the actor make a child, which is an actor too.
func (a *actor) clone(flags uintptr) (*actor, error) {
	r, err := a.tell(order{Act: "clone", Args: []string{strconv.FormatUint(uint64(flags), 10)}})
	if err != nil {
		return nil, err
	}
	return &actor{pid: r.PID, conn: a.spare}, nil
}

// do has the actor act, and reports the facts of it.
func (a *actor) do(r *proof.Report, name string, args ...string) error {
	got, err := a.tell(order{name, args})
	for _, fact := range got.Facts {
		r.Saw(fact[0], fact[1], fact[2])
	}
	return err
}

func (a *actor) tell(o order) (reply, error) {
	var r reply
	if err := json.NewEncoder(a.conn).Encode(o); err != nil {
		return r, fmt.Errorf("actor %d: %w", a.pid, err)
	}
	if err := json.NewDecoder(a.conn).Decode(&r); err != nil {
		return r, fmt.Errorf("actor %d, %s: %w", a.pid, o.Act, err)
	}
	if r.Error != "" {
		return r, &actError{r.Error, r.Errno}
	}
	return r, nil
}

// An actError happened in the actor; its errno came along.
type actError struct {
	text  string
	errno unix.Errno
}

func (e *actError) Error() string { return e.text }

func (e *actError) Unwrap() error {
	if e.errno == 0 {
		return nil
	}
	return e.errno
}

// end lets the actor end, and the child that it may have. A child of another actor is
// ended first, and reaped by its parent.
func (a *actor) end() {
	a.conn.Close()
	if a.cmd != nil {
		a.spare.Close()
		a.cmd.Wait()
	}
}

func init() { reexec.Register("actor", playActor) }

// playActor is the actor's side.
func playActor() {
	// Roots and working directories belong to a process, mount namespaces to a thread. All
	// acts share one thread, which is never unlocked: the actor ends with it.
	runtime.LockOSThread()
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
	conn := os.NewFile(3, "proof")
	var child *exec.Cmd
	orders := json.NewDecoder(conn)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			break // the proof is over
		}
		r := reply{}
		var err error
		if o.Act == "clone" {
			child, err = cloneChild(o.Args[0])
			if err == nil {
				r.PID = child.Process.Pid
			}
		} else {
			say := func(key, question, answer string) { r.Facts = append(r.Facts, [3]string{key, question, answer}) }
			err = acts[o.Act](say, o.Args)
		}
		if err != nil {
			r.Error = err.Error()
			errors.As(err, &r.Errno)
		}
		if err := json.NewEncoder(conn).Encode(r); err != nil {
			break
		}
	}
	if child != nil {
		child.Wait()
	}
}

// cloneChild starts the actor's child; its proof is at the other end of descriptor 4.
func cloneChild(flags string) (*exec.Cmd, error) {
	n, err := strconv.ParseUint(flags, 10, 64)
	if err != nil {
		return nil, err
	}
	conn := os.NewFile(4, "child's proof")
	defer conn.Close()
	cmd := reexec.Command("actor")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr // a machine in miniature has no /dev/null
	cmd.ExtraFiles = []*os.File{conn}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(n)}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("clone(%#x): %w", n, err)
	}
	return cmd, nil
}

// socketpair is two ends of one conversation.
func socketpair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair(AF_UNIX): %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "actor"), os.NewFile(uintptr(fds[1]), "actor"), nil
}
