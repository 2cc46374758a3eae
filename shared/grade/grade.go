// Package grade is the side of the grader that runs in the guest: it holds a mydocker
// binary ($MYDOCKER) against the tasks of a HOMEWORK and says of each what is wrong with
// it, from the kernel's state.
//
// It is plumbing, taught by no lesson and free for all.
package grade

import (
	"io"
	"io/fs"
	"os"
	"testing"
	"time"
)

// A Task is the check behind one numbered task of HOMEWORK.md.
type Task struct {
	ID    string
	Check func(t *T)
}

// Homework runs the checks, one subtest a task.
func Homework(t *testing.T, texts fs.FS, tasks []Task) {}

// T is what a check is given.
type T struct {
	*testing.T
}

// Root is the task's own MYDOCKER_ROOT.
func (t *T) Root() string { return "" }

// Mydocker prepares a call of the mydocker under test.
func (t *T) Mydocker(args ...string) *Cmd { return &Cmd{} }

// Saw records what the kernel answered; it is shown when the task fails.
func (t *T) Saw(question, answer string) {}

// Wrong ends the task: failed, with a diagnosis. args format both texts.
func (t *T) Wrong(diagnosis, en, ru string, args ...any) {}

// Broken ends the task: the check itself could not run, which is not the student's fault.
func (t *T) Broken(err error) {}

// A Cmd is a call of mydocker that has not begun.
type Cmd struct{}

// Env adds KEY=value to the environment.
func (c *Cmd) Env(kv ...string) *Cmd { return c }

// Dir is the working folder.
func (c *Cmd) Dir(dir string) *Cmd { return c }

// Stdin is what mydocker reads.
func (c *Cmd) Stdin(r io.Reader) *Cmd { return c }

// Timeout is the time limit, of an unemulated machine; it is scaled. Default 10 s.
func (c *Cmd) Timeout(d time.Duration) *Cmd { return c }

// Run runs mydocker to its end.
func (c *Cmd) Run() Result { return Result{} }

// Start begins mydocker.
func (c *Cmd) Start() *Process { return &Process{} }

// A Process is a mydocker that runs.
type Process struct{}

// Pid is its process id.
func (p *Process) Pid() int { return 0 }

// Signal sends it a signal.
func (p *Process) Signal(s os.Signal) {}

// Stdout and Stderr are what it has written so far.
func (p *Process) Stdout() string { return "" }
func (p *Process) Stderr() string { return "" }

// Wait waits for its end.
func (p *Process) Wait() Result { return Result{} }

// A Result is how a call of mydocker ended.
type Result struct {
	Code           int // as a shell reports it: 128+n by signal n
	Stdout, Stderr string
	TimedOut       bool
}

// Eventually waits until ok says yes: a state that another process brings about needs time.
// It returns false when the time limit, scaled, is over.
func (t *T) Eventually(limit time.Duration, ok func() bool) bool { return false }
