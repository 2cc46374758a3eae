package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
)

// asLesson makes this test binary the lesson itself, so that its proofs can be run, and killed.
const asLesson = "LESSON_UNDER_TEST=1"

func TestMain(m *testing.M) {
	if os.Getenv("LESSON_UNDER_TEST") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

func lessonHere(only string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	// In Russian: the judge outside has proved them in English.
	cmd.Env = append(os.Environ(), asLesson, "COURSE_LANG=ru", "LAB=host", "COURSE_SCALE=10", "ONLY="+only, "STEP=", "JSON=", "LAB_HOST_DANGER=yes")
	return cmd
}

// What a proof has cloned, mounted or kept is gone when it has ended.
func TestProofsLeaveNothing(t *testing.T) {
	labtest.NeedLab(t)
	labtest.NeedRoot(t)
	for _, p := range lesson.Proofs {
		t.Run(p.ID, func(t *testing.T) {
			labtest.Leaks(t)
			out, err := lessonHere(p.ID).CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}

// The judge and the proof are killed with SIGKILL, in the middle: what they had begun dies
// with them, and no name and no mount of it is left.
func TestProofsKilledHalfWay(t *testing.T) {
	labtest.NeedLab(t)
	labtest.NeedRoot(t)
	// Orphans of the killed come to us, so that we can wait for them.
	require.NoError(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	for _, p := range lesson.Proofs {
		if p.ID == clockAttack.ID {
			continue // who is killed cannot put the clock right
		}
		t.Run(p.ID, func(t *testing.T) {
			labtest.Leaks(t)
			cmd := lessonHere(p.ID)
			out := &firstFact{seen: make(chan struct{})}
			cmd.Stdout = out
			cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
			require.NoError(t, cmd.Start())
			select {
			case <-out.seen: // the proof is at work
			case <-time.After(30 * time.Second):
				assert.Fail(t, "no fact in 30 s")
			}
			require.NoError(t, cmd.Process.Kill())
			cmd.Wait()
			reapAll()
		})
	}
}

// reapAll waits for every child there is. What a killed proof left must end by itself.
func reapAll() {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if err == unix.ECHILD {
				return
			}
			if pid <= 0 {
				break
			}
		}
	}
}

// firstFact closes seen at the first answer of the kernel.
type firstFact struct {
	seen chan struct{}
	done bool
}

func (f *firstFact) Write(p []byte) (int, error) {
	if !f.done && bytes.Contains(p, []byte("→")) {
		f.done = true
		close(f.seen)
	}
	return len(p), nil
}
