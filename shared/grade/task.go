package grade

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// T is what a check is given: a test, and the mydocker that is checked. A check ends by
// returning, by Wrong, or by Broken.
type T struct {
	*testing.T
	binary, root string
	world        *world

	mu       sync.Mutex
	verdict  *verdict
	facts    []Fact
	errors   []string   // what was reported without a diagnosis
	running  []*Process // every mydocker of this task
	finished bool
}

// A verdict on a task.
type verdict struct {
	Verdict   string `json:"verdict"`             // pass, fail, todo or broken
	Diagnosis string `json:"diagnosis,omitempty"` // a word that a program can look for
	En        string `json:"en,omitempty"`
	Ru        string `json:"ru,omitempty"`
	Facts     []Fact `json:"facts,omitempty"`
}

// A Fact is what the kernel, or mydocker, answered.
type Fact struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

const (
	pass   = "pass"
	fail   = "fail"
	todo   = "todo"
	broken = "broken"
)

// Root is the task's own MYDOCKER_ROOT. It does not exist until mydocker makes it.
func (t *T) Root() string { return t.root }

// Saw records what the kernel answered; it is shown when the task fails.
func (t *T) Saw(question, answer string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.facts = append(t.facts, Fact{question, brief(strings.TrimRight(answer, "\n"))})
}

// brief is as much of a text as anybody reads. A mydocker may print without end, and what it
// has printed must leave room for the verdicts.
func brief(text string) string {
	const enough = 4 << 10
	if len(text) <= enough {
		return text
	}
	return strings.ToValidUTF8(text[:enough], "") + " …"
}

// Wrong ends the task: failed, with a diagnosis. args format both texts.
func (t *T) Wrong(diagnosis, en, ru string, args ...any) {
	t.Helper()
	t.finish(verdict{Verdict: fail, Diagnosis: diagnosis, En: brief(fmt.Sprintf(en, args...)), Ru: brief(fmt.Sprintf(ru, args...))})
}

// Broken ends the task: the check itself could not run, which is not the student's fault.
func (t *T) Broken(err error) {
	t.Helper()
	t.finish(brokenBy(err))
}

func brokenBy(err error) verdict {
	return verdict{Verdict: broken, Diagnosis: "broken",
		En: "the check could not run, which is not your fault: " + brief(err.Error()),
		Ru: "проверка не смогла отработать, вы тут ни при чём: " + brief(err.Error())}
}

// lookShare bounds what a wait costs: of so many parts of its time, one is spent looking. A
// look through all of /proc takes milliseconds in an emulated machine, and without a pause
// in proportion takes them from the very process that is waited for.
const lookShare = 5

// Eventually waits until ok says yes: a state that another process brings about needs time.
// It returns false when limit, scaled for this machine, is over.
func (t *T) Eventually(limit time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(scaled(limit))
	for {
		begun := time.Now()
		if ok() {
			return true
		}
		t.endIfTodo() // what is not written will not happen
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(max(5*time.Millisecond, (lookShare-1)*time.Since(begun)))
	}
}

// settle is the first verdict; a later one changes nothing.
func (t *T) settle(v verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.verdict == nil {
		v.Facts = t.facts
		if v.Verdict == pass {
			v.Facts = nil
		}
		t.verdict = &v
	}
}

// finish settles and ends the check, wherever in it we are.
func (t *T) finish(v verdict) {
	t.settle(v)
	runtime.Goexit()
}

// Errorf and the like come from the checks' own assertions: a failure without a diagnosis.
func (t *T) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors = append(t.errors, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// FailNow ends the check.
func (t *T) FailNow() {
	t.mu.Lock()
	t.finished = true
	t.mu.Unlock()
	runtime.Goexit()
}

// Fatalf is Errorf and FailNow.
func (t *T) Fatalf(format string, args ...any) { t.Errorf(format, args...); t.FailNow() }

// Fatal is Fatalf without a format.
func (t *T) Fatal(args ...any) { t.Errorf("%s", fmt.Sprint(args...)); t.FailNow() }

// Error is Errorf without a format.
func (t *T) Error(args ...any) { t.Errorf("%s", fmt.Sprint(args...)) }
