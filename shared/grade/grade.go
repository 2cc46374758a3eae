// Package grade is the side of the grader that runs in the guest: it holds a mydocker
// binary ($MYDOCKER) against the tasks of a HOMEWORK and says of each what is wrong with
// it, from the kernel's state.
//
// It is plumbing, taught by no lesson and free for all. A lesson's homework_test.go:
//
//	func TestHomework(t *testing.T) {
//		grade.Homework(t, texts, []grade.Task{{ID: "store", Check: checkStore}, …})
//	}
//
// The course tool runs it in the lab and reads the verdicts as events from descriptor 3. By
// hand, MYDOCKER=/path/to/mydocker go test -run Homework prints them for people.
package grade

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/internal/procs"
	"mydocker.example/shared/prose"
)

// A Task is the check behind one numbered task of HOMEWORK.md.
type Task struct {
	ID      string
	Check   func(t *T)
	Timeout time.Duration // of a machine that is not emulated; 0: a minute and a half
}

// taskTimeout is the time limit of a task that names none.
const taskTimeout = 90 * time.Second

// Homework runs the checks, one subtest a task, in the order of HOMEWORK.md. Without
// MYDOCKER in the environment it only holds the texts against the tasks.
func Homework(t *testing.T, texts fs.FS, tasks []Task) {
	sections, err := matchTexts(texts, tasks)
	if err != nil {
		t.Fatal(err)
	}
	binary := os.Getenv("MYDOCKER")
	if binary == "" {
		t.Skip("MYDOCKER is not set: no mydocker to check")
	}
	// What a mydocker starts and forgets becomes a child of ours.
	if err := procs.Adopt(); err != nil {
		t.Fatal(err)
	}
	say, err := openReporter()
	if err != nil {
		t.Fatal(err)
	}
	seen, err := watchWorld()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		i := slices.IndexFunc(tasks, func(task Task) bool { return task.ID == s.ID })
		t.Run(s.ID, func(st *testing.T) {
			root, err := os.MkdirTemp("", "mydocker-"+s.ID+"-")
			if err != nil {
				st.Fatal(err)
			}
			defer os.RemoveAll(root)
			task := &T{T: st, binary: binary, root: root + "/state", world: seen}
			task.check(tasks[i])
			say.tell(s, task.verdict)
		})
	}
}

// matchTexts requires the same tasks in HOMEWORK.md, HOMEWORK.ru.md and the code, and
// returns their sections in the reader's language.
func matchTexts(texts fs.FS, tasks []Task) ([]prose.Section, error) {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	var wanted []prose.Section
	var first []prose.Section
	for _, lang := range []string{"en", "ru"} {
		name := prose.File("HOMEWORK.md", lang)
		text, err := fs.ReadFile(texts, name)
		if err != nil {
			return nil, err
		}
		sections, err := prose.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		sections = slices.DeleteFunc(sections, func(s prose.Section) bool { return s.Kind != "task" })
		for _, s := range sections {
			if !slices.ContainsFunc(tasks, func(task Task) bool { return task.ID == s.ID }) {
				complain("%s: task %s `%s` has no check", name, s.Number, s.ID)
			}
		}
		for _, task := range tasks {
			if !slices.ContainsFunc(sections, func(s prose.Section) bool { return s.ID == task.ID }) {
				complain("%s: task `%s` is missing", name, task.ID)
			}
		}
		if lang == "en" {
			first = sections
		} else if !slices.EqualFunc(first, sections, sameTask) {
			complain("%s: numbers, points or the number of hints differ from HOMEWORK.md", name)
		}
		if lang == prose.Lang() {
			wanted = sections
		}
	}
	return wanted, errors.Join(errs...)
}

func sameTask(a, b prose.Section) bool {
	return a.ID == b.ID && a.Number == b.Number && a.Points == b.Points && len(a.Hints) == len(b.Hints)
}

// Scaled is a time limit of an ordinary machine, on this one.
func Scaled(d time.Duration) time.Duration { return scaled(d) }

// scaled is a time limit of an ordinary machine, on this one.
func scaled(d time.Duration) time.Duration {
	n, err := strconv.Atoi(os.Getenv("COURSE_SCALE"))
	if err != nil || n < 1 {
		return d
	}
	return d * time.Duration(n)
}

// descendants are the living processes that this one and its children have started.
func descendants() []procs.Process {
	all, err := procs.All("/proc")
	if err != nil {
		return nil
	}
	return procs.Descendants(all, os.Getpid())
}

// names joins processes for people: sleep(41), cat(42).
func names(list []procs.Process) string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}

// eventsFD is the descriptor for events, or -1. The mydocker under test gets neither it, for
// it would be free to grade itself, nor anything else that we happen to have inherited.
func eventsFD() (int, error) {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return -1, fmt.Errorf("close_range(3, CLOSE_RANGE_CLOEXEC): %w", err)
	}
	fd, err := strconv.Atoi(os.Getenv("COURSE_EVENTS"))
	if err != nil {
		return -1, nil // started by hand
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
		return -1, nil
	}
	return fd, nil
}
