package grade

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mydocker.example/shared/internal/procs"
)

// check runs the task's check in a goroutine of its own, so that one that hangs holds up
// nothing, and cleans up after the mydockers that it has started.
func (t *T) check(task Task) {
	limit := task.Timeout
	if limit == 0 {
		limit = taskTimeout
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.recovered()
		task.Check(t)
		t.endIfTodo()
		t.passUnlessErrors()
	}()
	select {
	case <-done:
	case <-time.After(scaled(limit)):
		t.settle(verdict{Verdict: fail, Diagnosis: "hang",
			En: fmt.Sprintf("the check did not come to its end within %v: mydocker, or what it started, hangs", scaled(limit)),
			Ru: fmt.Sprintf("проверка не закончилась за %v: mydocker или то, что он запустил, висит", scaled(limit))})
	}
	left := t.endProcesses()
	select {
	case <-done:
	case <-time.After(scaled(5 * time.Second)): // it hangs somewhere of its own
	}
	if len(left) > 0 && t.verdict.Verdict == pass {
		t.verdict = &verdict{Verdict: fail, Diagnosis: "left-behind",
			En: "all is well but for the processes that mydocker left behind: " + names(left),
			Ru: "всё верно, но mydocker оставил после себя процессы: " + names(left)}
	}
	if strange := t.world.changed(); strange != "" && t.verdict.Verdict == pass {
		t.verdict = &verdict{Verdict: fail, Diagnosis: "world",
			En: "what the host shows of its kernel is no longer the kernel's: mydocker has mounted or unmounted there: " + strange,
			Ru: "то, что хост показывает о своём ядре, показывает уже не ядро: mydocker там монтировал или отмонтировал: " + strange}
	}
	if t.verdict.Verdict != pass {
		t.T.Fail()
	}
}

const (
	leftoverGrace = time.Second // for what the check ended a moment ago
	killLimit     = 2 * time.Second
)

// endProcesses ends whatever runs below us, and returns what did not end by itself. After
// a failure nothing is waited for: nobody will ask.
func (t *T) endProcesses() []procs.Process {
	grace := scaled(leftoverGrace)
	if t.verdict != nil && t.verdict.Verdict != pass {
		grace = 0
	}
	return procs.End(descendants, grace, scaled(killLimit))
}

// recovered makes a panic of the check a broken check.
func (t *T) recovered() {
	if reason := recover(); reason != nil {
		t.settle(brokenBy(fmt.Errorf("panic: %v", reason)))
	}
	t.passUnlessErrors() // after FailNow, by testify for one
}

// passUnlessErrors settles a check that came to its end without a diagnosis.
func (t *T) passUnlessErrors() {
	t.mu.Lock()
	text := strings.Join(t.errors, "\n")
	failed := len(t.errors) > 0 || t.finished
	t.mu.Unlock()
	if t.Skipped() {
		t.settle(brokenBy(errors.New("it skipped itself")))
	}
	if failed {
		t.settle(verdict{Verdict: fail, Diagnosis: "undiagnosed", En: text, Ru: text})
		return
	}
	t.settle(verdict{Verdict: pass})
}
