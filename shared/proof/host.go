package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// host is the place for LAB=host, and for proofs that are not for a guest: they run on this
// machine, each in a process group of its own.
type host struct{ name string }

// hostGrace is how long a proof that was told to end may take to clean up.
const hostGrace = 3 * time.Second

func (h *host) prepare(context.Context, *Proof) {}
func (h *host) close() error                    { return nil }

func (h *host) run(ctx context.Context, p *Proof, events, output io.Writer) (outcome, error) {
	if p.Watch != nil {
		return outcome{}, fmt.Errorf("proof %s is watched from outside of its guest: it cannot run on the machine itself (LAB=host)", p.ID)
	}
	// Pdeathsig is sent when the thread that started the child ends, not the process: this
	// thread stays ours until the child is gone.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	limit := p.timeout() * time.Duration(scale())
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(timed, "/proc/self/exe")
	cmd.Args = []string{h.name}
	cmd.Env = append(os.Environ(), proofEnv+"="+p.ID, eventsEnv+"=3", fmt.Sprintf("%s=%d", scaleEnv, scale()))
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = hostGrace
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGTERM}
	if p.User != "" {
		credential, err := credentialOf(p.User)
		if err != nil {
			return outcome{}, err
		}
		cmd.SysProcAttr.Credential = credential
	}

	port, theirs, err := os.Pipe()
	if err != nil {
		return outcome{}, fmt.Errorf("pipe: %w", err)
	}
	defer port.Close()
	cmd.ExtraFiles = []*os.File{theirs}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return outcome{}, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(events, port)
	}()
	err = cmd.Wait()
	<-read

	o := outcome{exit: exitCode(cmd.ProcessState), limit: limit}
	o.timedOut = err != nil && errors.Is(timed.Err(), context.DeadlineExceeded)
	var exit *exec.ExitError
	if errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) || timed.Err() != nil {
		err = nil // the outcome tells
	}
	return o, err
}

// exitCode is what a shell would report.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// credentialOf is the user's; the lab's student is nobody on a machine that has none.
func credentialOf(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
