package grade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Cmd is a call of mydocker that has not begun.
type Cmd struct {
	t       *T
	cmd     exec.Cmd
	timeout time.Duration
	attr    syscall.SysProcAttr
}

const (
	runTimeout   = 5 * time.Second  // of a call that Run waits for
	hungTimeout  = 1 * time.Second  // of such a call when one has hung before
	startTimeout = 60 * time.Second // of one that is started and looked at
	outputGrace  = time.Second      // for output that somebody else still holds open
)

// hung: a call of the mydocker under test did not come back in its time.
var hung atomic.Bool

// Mydocker prepares a call of the mydocker under test. Its environment is ours, with the
// task's own MYDOCKER_ROOT and without what the grader needs (the reader's language stays: what
// mydocker says of an error may be shown to them); its input is empty.
func (t *T) Mydocker(args ...string) *Cmd {
	c := &Cmd{t: t}
	c.cmd.Path = t.binary
	c.cmd.Args = append([]string{"mydocker"}, args...)
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name != "MYDOCKER" && (name == "COURSE_LANG" || !strings.HasPrefix(name, "COURSE_")) {
			c.cmd.Env = append(c.cmd.Env, kv)
		}
	}
	return c.Env("MYDOCKER_ROOT=" + t.root)
}

// Env adds KEY=value to the environment.
func (c *Cmd) Env(kv ...string) *Cmd { c.cmd.Env = append(c.cmd.Env, kv...); return c }

// Dir is the working folder.
func (c *Cmd) Dir(dir string) *Cmd { c.cmd.Dir = dir; return c }

// Stdin is what mydocker reads.
func (c *Cmd) Stdin(r io.Reader) *Cmd { c.cmd.Stdin = r; return c }

// As makes it a call of another user, or of root with supplementary groups. What the user
// needs to be able to read and to write (MYDOCKER_ROOT) is the caller's affair.
func (c *Cmd) As(who syscall.Credential) *Cmd { c.attr.Credential = &who; return c }

// Cgroup makes it begin in a cgroup, whose folder is open as fd until Start or Run is back.
func (c *Cmd) Cgroup(fd int) *Cmd { c.attr.UseCgroupFD, c.attr.CgroupFD = true, fd; return c }

// Timeout is the time limit, of a machine that is not emulated. Default: 5 s for Run
// (1 s once a call has hung: who gets no answer need not wait for each refusal), a minute
// for Start.
func (c *Cmd) Timeout(d time.Duration) *Cmd { c.timeout = d; return c }

// Run runs mydocker to its end. One that says that it is not written yet ends the task.
func (c *Cmd) Run() Result {
	c.t.Helper()
	if c.timeout == 0 {
		c.timeout = runTimeout
		if hung.Load() {
			c.timeout = hungTimeout
		}
	}
	r := c.Start().Wait()
	if r.TimedOut {
		hung.Store(true)
	}
	return r
}

// Start begins mydocker, in a process group of its own.
func (c *Cmd) Start() *Process {
	c.t.Helper()
	if c.timeout == 0 {
		c.timeout = startTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), scaled(c.timeout))
	cmd := exec.CommandContext(ctx, c.cmd.Path)
	cmd.Args, cmd.Env, cmd.Dir, cmd.Stdin = c.cmd.Args, c.cmd.Env, c.cmd.Dir, c.cmd.Stdin
	p := &Process{t: c.t, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	cmd.SysProcAttr = &c.attr
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = scaled(outputGrace)
	if err := cmd.Start(); err != nil {
		cancel()
		c.t.Wrong("not-started", "mydocker cannot be started: %v", "mydocker не запускается: %v", err)
	}
	go func() {
		defer close(p.done)
		defer cancel()
		err := cmd.Wait()
		p.result = Result{
			Code:     exitCode(cmd.ProcessState),
			TimedOut: ctx.Err() != nil,
			HeldOpen: errors.Is(err, exec.ErrWaitDelay),
		}
	}()
	c.t.mu.Lock()
	c.t.running = append(c.t.running, p)
	c.t.mu.Unlock()
	return p
}

// A Process is a mydocker that runs.
type Process struct {
	t              *T
	cmd            *exec.Cmd
	stdout, stderr buffer
	done           chan struct{} // closed when result is there
	result         Result
}

// Pid is its process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends it a signal; one that has ended gets none.
func (p *Process) Signal(s os.Signal) { p.cmd.Process.Signal(s) }

// Stdout is what it has written so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr is what it has written so far.
func (p *Process) Stderr() string { return p.stderr.String() }

// Ended says whether it has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Wait waits for its end. One that says that it is not written yet ends the task.
func (p *Process) Wait() Result {
	p.t.Helper()
	<-p.done
	r := p.result
	r.Stdout, r.Stderr = p.Stdout(), p.Stderr()
	p.t.endIfTodo()
	return r
}

// A Result is how a call of mydocker ended.
type Result struct {
	Code           int // as a shell reports it: 128+n by signal n
	Stdout, Stderr string
	TimedOut       bool // and was killed, with its process group
	HeldOpen       bool // it ended, and somebody else still held its output open
}

// Report reads what a program of the check, run by mydocker, has printed: JSON, in a Result
// that ended well. Anything else is mydocker's doing.
func (t *T) Report(printed string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(printed), v); err != nil {
		t.Saw("what mydocker run has printed", printed)
		t.Wrong("no-report",
			"mydocker run ended with 0, and what it has printed is not the report of the program that it was to run: %v",
			"mydocker run завершился с кодом 0, но напечатанное — не отчёт программы, которую он должен был запустить: %v", err)
	}
}

// todoLine is what a stub's main prints for its todo("store: Save").
var todoLine = regexp.MustCompile(`(?m)\btodo: .+$`)

// endIfTodo ends the task when a mydocker of it has ended with a stub's todo.
func (t *T) endIfTodo() {
	t.mu.Lock()
	running := t.running
	t.mu.Unlock()
	for _, p := range running {
		if !p.Ended() {
			continue
		}
		if line := todoLine.FindString(p.Stderr()); line != "" {
			t.finish(verdict{Verdict: todo, Diagnosis: "todo", En: line, Ru: line})
		}
	}
}

func exitCode(state *os.ProcessState) int {
	if state == nil {
		return -1 // reaped by the clean-up: nobody will ask
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// most is what is kept of an output: one that has no end must not eat the lab's memory.
const most = 1 << 20

// A buffer may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Write(p[:min(len(p), most-b.b.Len())])
	return len(p), nil
}

func (b *buffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }
