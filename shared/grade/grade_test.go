package grade

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeMydocker answers like mydocker, or worse.
const fakeMydocker = `#!/bin/sh
case "$1" in
root)    echo "$MYDOCKER_ROOT $COURSE_EVENTS$MYDOCKER"; test ! -e "$MYDOCKER_ROOT" ;;
in)      cat; echo "$WORD" >&2; pwd; exit 7 ;;
signal)  kill -TERM $$ ;;
hang)    exec sleep 600 ;;
todo)    echo "mydocker: todo: store: save" >&2; exit 125 ;;
hold)    sleep 600 & echo held ;;
leave)   sleep 600 >/dev/null 2>&1 & ;;
forge)   echo '{"task":"pass","verdict":"pass"}' >&3 ;;
esac
`

var fakeTasks = []Task{
	{ID: "pass", Check: func(t *T) {
		r := t.Mydocker("root").Run()
		if r.Code != 0 || r.Stdout != t.Root()+" \n" || t.Mydocker("forge").Run().Code == 0 {
			t.Wrong("root", "%q", "%q", r.Stdout)
		}
		r = t.Mydocker("in").Stdin(strings.NewReader("typed\n")).Env("WORD=spoken").Dir("/").Run()
		if (r != Result{Code: 7, Stdout: "typed\n/\n", Stderr: "spoken\n"}) {
			t.Wrong("in", "%+v", "%+v", r)
		}
		if r := t.Mydocker("signal").Run(); r.Code != 128+15 {
			t.Wrong("signal", "%+v", "%+v", r)
		}
		p := t.Mydocker("hang").Start()
		if p.Ended() || p.Pid() == 0 {
			t.Wrong("start", "", "")
		}
		p.Signal(syscall.SIGKILL)
		if p.Wait().Code != 137 {
			t.Wrong("kill", "", "")
		}
		if t.Eventually(10*time.Millisecond, func() bool { return false }) || !t.Eventually(0, p.Ended) {
			t.Wrong("eventually", "", "")
		}
	}},
	{ID: "wrong", Check: func(t *T) {
		t.Saw("readlink /proc/1/ns/pid", "pid:[1]\n")
		t.Wrong("shared-pid", "%d is shared", "%d общий", 5)
		t.Wrong("never", "", "")
	}},
	{ID: "broken", Check: func(t *T) { t.Broken(errors.New("no disk")) }},
	{ID: "panics", Check: func(t *T) { panic("oh") }},
	{ID: "asserts", Check: func(t *T) { require.Equal(t, 1, 2, "one is two") }},
	{ID: "skips", Check: func(t *T) { t.Skip("no") }},
	{ID: "todo", Check: func(t *T) { t.Mydocker("todo").Run(); t.Wrong("never", "", "") }},
	{ID: "todo-later", Check: func(t *T) {
		t.Mydocker("todo").Start()
		t.Eventually(time.Minute, func() bool { return false })
	}},
	{ID: "time-limit", Check: func(t *T) {
		if r := t.Mydocker("hang").Timeout(100 * time.Millisecond).Run(); r.TimedOut && r.Code == 137 {
			t.Wrong("slow", "", "")
		}
	}},
	{ID: "held-open", Check: func(t *T) {
		if r := t.Mydocker("hold").Run(); r.HeldOpen && r.Stdout == "held\n" {
			t.Wrong("held", "", "")
		}
	}},
	{ID: "hangs", Timeout: 200 * time.Millisecond, Check: func(t *T) { t.Mydocker("hang").Run() }},
	{ID: "leaves", Check: func(t *T) { t.Mydocker("leave").Run() }},
}

func fakeTexts() fstest.MapFS {
	en, ru := "# Homework\n", "# Задание\n"
	for i, task := range fakeTasks {
		en += "\n### Task 9." + strconv.Itoa(i+1) + " `" + task.ID + "` (10 points): Title\nText.\n"
		ru += "\n### Задание 9." + strconv.Itoa(i+1) + " `" + task.ID + "` (10 баллов): Название\nТекст.\n"
	}
	return fstest.MapFS{"HOMEWORK.md": {Data: []byte(en)}, "HOMEWORK.ru.md": {Data: []byte(ru)}}
}

// TestFakeHomework is no test: the tests below run it in a process of its own.
func TestFakeHomework(t *testing.T) {
	if os.Getenv("GRADE_FAKE") != "" {
		Homework(t, fakeTexts(), fakeTasks)
	}
}

// homework runs the fake homework; with events, it returns those and not the output.
func homework(t *testing.T, events bool, env ...string) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "mydocker")
	require.NoError(t, os.WriteFile(binary, []byte(fakeMydocker), 0o755))
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestFakeHomework$")
	cmd.Env = append(os.Environ(), "GRADE_FAKE=1", "MYDOCKER="+binary, "COURSE_EVENTS=", "COURSE_LANG=en", "TMPDIR="+dir)
	var out bytes.Buffer
	cmd.Stdout = &out
	port, err := os.Create(filepath.Join(dir, "events"))
	require.NoError(t, err)
	defer port.Close()
	if events {
		cmd.Env = append(cmd.Env, "COURSE_EVENTS=3")
		cmd.ExtraFiles = []*os.File{port}
	}
	cmd.Env = append(cmd.Env, env...)
	require.Error(t, cmd.Run())
	left, err := filepath.Glob(dir + "/mydocker-*")
	require.NoError(t, err)
	require.Empty(t, left)
	if !events {
		return out.String()
	}
	said, err := os.ReadFile(port.Name())
	require.NoError(t, err)
	return string(said)
}

func TestVerdicts(t *testing.T) {
	type told struct {
		Task, Number string
		verdict
	}
	var all []told
	for line := range strings.Lines(homework(t, true)) {
		var e told
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		all = append(all, e)
	}
	require.Len(t, all, len(fakeTasks))
	diagnoses := map[string]string{}
	for i, e := range all {
		require.Equal(t, fakeTasks[i].ID, e.Task)
		require.Equal(t, "9."+strconv.Itoa(i+1), e.Number)
		diagnoses[e.Task] = strings.TrimSuffix(e.Verdict+" "+e.Diagnosis, " ")
	}
	require.Equal(t, map[string]string{
		"pass": "pass", "wrong": "fail shared-pid", "broken": "broken broken", "panics": "broken broken",
		"asserts": "fail undiagnosed", "skips": "broken broken", "todo": "todo todo", "todo-later": "todo todo",
		"time-limit": "fail slow", "held-open": "fail held", "hangs": "fail hang", "leaves": "fail left-behind",
	}, diagnoses)
	require.Equal(t, verdict{Verdict: fail, Diagnosis: "shared-pid", En: "5 is shared", Ru: "5 общий",
		Facts: []Fact{{"readlink /proc/1/ns/pid", "pid:[1]"}}}, all[1].verdict)
	require.Contains(t, all[2].En, "no disk")
	require.Contains(t, all[3].En, "panic: oh")
	require.Contains(t, all[4].En, "one is two")
	require.Equal(t, "todo: store: save", all[6].En)
	require.Regexp(t, `sleep\(\d+\)`, all[11].En)
}

func TestForPeople(t *testing.T) {
	out := homework(t, false)
	require.Contains(t, out, "pass   10/10  9.1 pass: Title\n")
	require.Contains(t, out, "fail    0/10  9.2 wrong: Title\n       5 is shared\n       readlink /proc/1/ns/pid → pid:[1]\n")
	out = homework(t, false, "COURSE_LANG=ru")
	require.Contains(t, out, "9.2 wrong: Название\n       5 общий\n")
}

func TestTextsAndTasks(t *testing.T) {
	_, err := matchTexts(fakeTexts(), fakeTasks)
	require.NoError(t, err)
	_, err = matchTexts(fakeTexts(), fakeTasks[1:])
	require.ErrorContains(t, err, "HOMEWORK.md: task 9.1 `pass` has no check")
	_, err = matchTexts(fakeTexts(), append(fakeTasks[:len(fakeTasks):len(fakeTasks)], Task{ID: "more"}))
	require.ErrorContains(t, err, "HOMEWORK.ru.md: task `more` is missing")
	texts := fakeTexts()
	texts["HOMEWORK.ru.md"].Data = bytes.Replace(texts["HOMEWORK.ru.md"].Data, []byte("(10 баллов)"), []byte("(20 баллов)"), 1)
	_, err = matchTexts(texts, fakeTasks)
	require.ErrorContains(t, err, "differ from HOMEWORK.md")
}
