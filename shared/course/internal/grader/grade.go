package grader

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/internal/seal"
	"mydocker.example/shared/prose"
	"mydocker.example/vm"
)

// What a task may end with.
const (
	Pass   = "pass"
	Fail   = "fail"
	Todo   = "todo"   // the student has not begun it
	Broken = "broken" // the check itself could not run
)

// A Fact is what the kernel answered to a question.
type Fact struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// An Outcome is how one task went.
type Outcome struct {
	Task      string   `json:"task"`
	Number    string   `json:"number"`
	Title     string   `json:"title"`
	Points    int      `json:"points"`
	Of        int      `json:"of"`
	Verdict   string   `json:"verdict"`
	Diagnosis string   `json:"diagnosis,omitempty"` // its id
	Text      string   `json:"text,omitempty"`      // what it says
	Facts     []Fact   `json:"facts,omitempty"`
	Hints     []string `json:"hints,omitempty"` // as many as were asked for
}

// A Report is how a submission went.
type Report struct {
	Lesson     string    `json:"lesson"`
	Submission string    `json:"submission"`
	Refused    []string  `json:"refused,omitempty"`
	Points     int       `json:"points"`
	Of         int       `json:"of"`
	Tasks      []Outcome `json:"tasks"`
	Vet        []string  `json:"vet,omitempty"`
	Forged     bool      `json:"forged,omitempty"`  // somebody wrote in the name of the checks
	Warning    string    `json:"warning,omitempty"` // for the instructor: what this verdict rests on
	Ended      string    `json:"ended,omitempty"`   // the checks did not come to their end: "lab-died", "lab-silent", "killed", "hang"; or they did, and "disk-full"
}

// Passed is true when every task has passed.
func (r Report) Passed() bool { return len(r.Tasks) > 0 && r.Points == r.Of && len(r.Refused) == 0 }

// event is what the checks write about a task, a line of JSON each.
type event struct {
	Task      string `json:"task"`
	Verdict   string `json:"verdict"`
	Diagnosis string `json:"diagnosis"`
	En        string `json:"en"`
	Ru        string `json:"ru"`
	Facts     []Fact `json:"facts"`
}

// limit of a whole homework, of a machine that is not emulated.
const limit = 5 * time.Minute

// errFull: the guest's disk was filled up.
var errFull = errors.New("the guest's disk is full")

// errSilent: the guest no longer answers.
var errSilent = errors.New("the guest did not answer")

// errKilled: a signal ended the checks. They send themselves none.
var errKilled = errors.New("the checks were killed")

// A Guest gives a guest in its first state.
type Guest func(ctx context.Context) (*vm.Guest, error)

// Check builds a submission and holds it against its lesson. A submission that cannot be
// graded is a Report with Refused; an error is the course's own.
func Check(ctx context.Context, t tree.Tree, sub Submission, test string, guest Guest) (Report, error) {
	report := Report{Lesson: sub.Lesson.Name, Submission: cmp.Or(sub.Name, t.Rel(sub.Dir)), Tasks: []Outcome{}}
	tasks, err := tasks(t, sub.Lesson)
	if err != nil {
		return report, err
	}
	tasks = slices.DeleteFunc(tasks, func(task prose.Section) bool { return !sub.wants(task.ID) })
	for _, task := range tasks {
		report.Of += task.Points
	}
	w, err := newWorkshop(t, sub)
	if err == nil {
		defer w.close()
		err = w.grade(ctx, &report, tasks, test, guest)
	}
	var refusal *Refusal
	if errors.As(err, &refusal) {
		report.Refused = refusal.Lines
		return report, nil
	}
	return report, err
}

func (w *workshop) grade(ctx context.Context, report *Report, tasks []prose.Section, test string, guest Guest) error {
	program, err := w.build(ctx)
	if err != nil {
		return err
	}
	vetted := make(chan []string, 1)
	go func() { vetted <- w.vet(ctx) }()
	events, said := map[string]event{}, ""
	var ended error
	for _, r := range w.parts(tasks) {
		r.key, r.program, r.test = seal.NewKey(), program, test
		if ended = w.run(ctx, r, guest); ended != nil && ending(ended) == "" {
			return ended
		}
		if ended == nil && r.killed() {
			ended = errKilled
		}
		if r.unguarded {
			report.Warning = unguarded()
		}
		if r.told(events) {
			report.Forged = true
			return refuse("%s", say.T("somebody else wrote to the channel of the checks: mydocker has no business there", "в канал проверок писал кто-то ещё: mydocker там делать нечего"))
		}
		if said += r.output.String(); ended != nil {
			break
		}
	}
	report.Ended = ending(ended)
	report.Tasks, err = outcomes(tasks, events, ended)
	if err != nil {
		return fmt.Errorf("%w%s", err, w.keep(said))
	}
	for i := range report.Tasks {
		report.Points += report.Tasks[i].Points
		if report.Tasks[i].Verdict == Broken {
			report.Tasks[i].Text += w.keep(said)
		}
	}
	report.Vet = <-vetted
	return nil
}

// run runs a part of the checks, where the lesson's checks run.
func (w *workshop) run(ctx context.Context, r *run, guest Guest) error {
	if w.sub.Lesson.OnHost() {
		return w.runHere(ctx, r)
	}
	g, err := guest(ctx)
	if err != nil {
		return err
	}
	defer g.Close()
	return w.runIn(ctx, g, r)
}

// A run is one run of the checks, over some of the tasks.
type run struct {
	tasks         []string
	open          bool // the guest's memory is not to be shut
	unguarded     bool // it could not be
	key           seal.Key
	program, test string // on the host
	lines, output capped // the events; what was printed
	code          int    // how the checks ended
}

// killed: a signal ended the checks. Some of them Go's runtime takes for an occasion to tell
// where it was, and ends with 2.
func (r *run) killed() bool {
	return r.code > 128 || r.code == 2 && dumped.Match(r.output.Bytes())
}

var dumped = regexp.MustCompile(`(?m)^(SIGQUIT: quit|SIGABRT: abort|SIG\w+: .*)\nPC=0x`)

// runIn uploads the submission and the checks, and runs them. Nothing of the repository is in
// the guest, so a submission cannot read the solution.
func (w *workshop) runIn(ctx context.Context, g *vm.Guest, r *run) (err error) {
	for name, file := range map[string]string{"mydocker": r.program, "homework.test": r.test} {
		if err := g.PutFile(ctx, "/lab/bin/"+name, 0o755, file); err != nil {
			return err
		}
	}
	if !r.open {
		err := shut(ctx, g)
		if r.unguarded = errors.Is(err, errUnguarded); err != nil && !r.unguarded {
			return err
		}
	}
	watched, stop := watchdog(ctx, g)
	defer stop()
	r.code, err = g.Run(watched, vm.Cmd{
		Argv:   []string{"/lab/bin/homework.test", r.pattern(), "-test.timeout=0"},
		Env:    []string{"MYDOCKER=/lab/bin/mydocker", "COURSE_SEALED=1", fmt.Sprintf("COURSE_SCALE=%d", patience(g)), "COURSE_LANG=" + prose.Lang()},
		Stdin:  bytes.NewReader(r.key[:]),
		Stdout: &r.output, Stderr: &r.output, Events: &r.lines, Timeout: cmp.Or(w.sub.Limit, limit),
	})
	if err != nil && ctx.Err() == nil && watched.Err() != nil {
		return context.Cause(watched)
	}
	if err != nil || r.killed() {
		return err
	}
	return diskLeft(ctx, g)
}

// diskLeft is errFull when nothing can be written any more: a mydocker that took all of one
// of the guest's disks, which are its memory, has left none for the checks either.
func diskLeft(ctx context.Context, g *vm.Guest) error {
	said, err := g.Output(ctx, "stat", "-f", "-c", "%a %b", "/", "/tmp", "/run", "/dev/shm")
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w after the checks: %v", errSilent, err)
	}
	for line := range strings.Lines(said) {
		var free, all int64
		if _, err := fmt.Sscan(line, &free, &all); err != nil {
			return fmt.Errorf("stat -f: %q: %w", said, err)
		}
		if free < all/50 {
			return errFull
		}
	}
	return nil
}

// A guest whose agent says nothing for so long has been taken over: by a fork bomb, for one.
// The agent answers in a moment even where everything else waits for the processor.
const (
	askEvery = 5 * time.Second
	silence  = 60 * time.Second
)

// watchdog ends a run whose guest does not answer any more.
func watchdog(ctx context.Context, g *vm.Guest) (watched context.Context, stop func()) {
	watched, end := context.WithCancelCause(ctx)
	go func() {
		for watched.Err() == nil {
			asked, cancel := context.WithTimeout(watched, silence)
			g.Ping(asked)
			if errors.Is(asked.Err(), context.DeadlineExceeded) {
				end(fmt.Errorf("%w for %v: %w", errSilent, silence, vm.ErrTimeout))
			}
			cancel()
			select {
			case <-watched.Done():
			case <-time.After(askEvery):
			}
		}
	}()
	return watched, func() { end(nil) }
}

// patience is by how much the checks wait longer in this guest. Half of what the guest is
// slower by: most of a wait is for a process to be scheduled, and what never comes is waited
// for to the end.
func patience(g *vm.Guest) int { return (g.Scale() + 1) / 2 }

// told reads the events of its tasks: the last word on each. forged: not all of them are from
// the checks.
func (r *run) told(events map[string]event) (forged bool) {
	lines, forged := r.key.Open(r.lines.Bytes())
	for _, line := range lines {
		var e event
		if json.Unmarshal(line, &e) == nil && slices.Contains(r.tasks, e.Task) {
			events[e.Task] = e
		}
	}
	return forged
}

// pattern is what `-test.run` takes: each task is a subtest of TestHomework.
func (r *run) pattern() string {
	return "-test.run=^TestHomework$/^(" + strings.Join(r.tasks, "|") + ")$"
}

// ending is why the checks did not come to their end, as a diagnosis; "" if they did.
func ending(err error) string {
	switch {
	case errors.Is(err, vm.ErrDied):
		return "lab-died"
	case errors.Is(err, errSilent):
		return "lab-silent"
	case errors.Is(err, vm.ErrTimeout):
		return "hang"
	case errors.Is(err, errKilled):
		return "killed"
	case errors.Is(err, errFull):
		return "disk-full"
	}
	return ""
}

// outcomes puts what the checks said beside the tasks of the text. A task of which nothing
// was said did not come to its end: the guest died, or the checks hung, because of a
// submission, in the first such task.
func outcomes(tasks []prose.Section, events map[string]event, ended error) ([]Outcome, error) {
	if len(events) == 0 && ended == nil {
		return nil, errors.New(say.T("no task was checked; that is the course's fault", "ни одно задание не проверено; это ошибка курса"))
	}
	var all []Outcome
	for _, task := range tasks {
		o := Outcome{Task: task.ID, Number: task.Number, Title: task.Title, Of: task.Points, Hints: task.Hints}
		e, told := events[task.ID]
		switch {
		case told:
			o.Verdict, o.Diagnosis, o.Text = e.Verdict, e.Diagnosis, plain(say.T(e.En, e.Ru))
			for _, f := range e.Facts {
				o.Facts = append(o.Facts, Fact{f.Question, plain(f.Answer)})
			}
		case errors.Is(ended, vm.ErrDied):
			o.Verdict, o.Diagnosis, o.Text = Fail, "lab-died", say.T("the lab's kernel died while this was checked", "ядро лаборатории погибло во время проверки")
		case errors.Is(ended, errSilent):
			o.Verdict, o.Diagnosis, o.Text = Fail, "lab-silent", say.T("the lab no longer answered while this was checked", "лаборатория перестала отвечать во время проверки")
		case errors.Is(ended, errFull):
			o.Verdict, o.Diagnosis, o.Text = Fail, "disk-full", say.T("the lab's disk was full before this was checked", "диск лаборатории был заполнен раньше, чем это было проверено")
		case errors.Is(ended, vm.ErrTimeout):
			o.Verdict, o.Diagnosis, o.Text = Fail, "hang", say.T("the time was over before this was checked", "время вышло раньше, чем это было проверено")
		case errors.Is(ended, errKilled):
			o.Verdict, o.Diagnosis, o.Text = Fail, "killed", say.T("the checks were killed at this point: mydocker ended processes that are not its own, or ate the lab's memory",
				"здесь проверки были убиты: mydocker завершил чужие процессы или съел память лаборатории")
		default:
			o.Verdict, o.Diagnosis, o.Text = Broken, "unchecked", say.T("the check did not run; that is the course's fault, not yours", "проверка не запустилась; это ошибка курса, не ваша")
		}
		if o.Verdict == Pass {
			o.Points = task.Points
		}
		all = append(all, o)
	}
	return all, nil
}

// keep puts aside what the checks printed, and says where: it is for whoever mends the
// course, not for the student.
func (w *workshop) keep(said string) string {
	path := filepath.Join(w.t.Build, "check-"+w.sub.Lesson.Name+".log")
	if os.WriteFile(path, []byte(said), 0o644) != nil {
		return ""
	}
	return fmt.Sprintf(say.T("; what the checks printed is in %s", "; что напечатали проверки, лежит в %s"), path)
}

// tasks reads the lesson's tasks in the reader's language.
func tasks(t tree.Tree, l tree.Lesson) ([]prose.Section, error) {
	path := filepath.Join(t.Dir("lessons", l), prose.File("HOMEWORK.md", prose.Lang()))
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sections, err := prose.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Rel(path), err)
	}
	var found []prose.Section
	for _, s := range sections {
		if s.Kind == "task" {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no tasks in it", t.Rel(path))
	}
	return found, nil
}

// Tasks are the ids of the lesson's tasks, in the order of the text.
func Tasks(t tree.Tree, l tree.Lesson) (ids []string, err error) {
	sections, err := tasks(t, l)
	for _, s := range sections {
		ids = append(ids, s.ID)
	}
	return ids, err
}

// Points are those of all the lesson's tasks.
func Points(t tree.Tree, l tree.Lesson) (points int, err error) {
	sections, err := tasks(t, l)
	for _, s := range sections {
		points += s.Points
	}
	return points, err
}

// BuildTest builds the checks of a lesson.
func BuildTest(ctx context.Context, t tree.Tree, l tree.Lesson) (string, error) {
	path := filepath.Join(t.Build, "homework-"+l.Name+".test")
	return path, lab.BuildTest(ctx, t.Dir("lessons", l), path)
}
