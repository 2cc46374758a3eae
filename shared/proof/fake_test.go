package proof

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is a lesson too: with FAKE_LESSON=1 it does what a lesson's main does.
func TestMain(m *testing.M) {
	// In the guest the judge says so, and an attacker's process has another name.
	if os.Getenv("FAKE_LESSON") == "1" || os.Getenv(proofEnv) != "" || os.Args[0] == attackStage {
		Main(fakeLesson())
		return
	}
	os.Exit(m.Run())
}

// secretAttack opens a file that only root may read.
func secretAttack(with func(*exec.Cmd) error, errno unix.Errno) *Attack {
	return &Attack{
		Prepare: func(r *Report) (func(), error) {
			dir, err := os.MkdirTemp("", "attack")
			if err != nil {
				return nil, err
			}
			cleanup := func() { os.RemoveAll(dir) }
			path := dir + "/secret"
			if err := os.WriteFile(path, []byte("s3cret"), 0o600); err != nil {
				return cleanup, err
			}
			r.Pass("path", path)
			return cleanup, os.Chmod(dir, 0o755)
		},
		With:  with,
		Errno: errno,
		Run: func(a *Attacker) error {
			secret, err := os.ReadFile(a.Get("path"))
			a.Saw("cat secret", string(secret))
			return err
		},
	}
}

func asNobody(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return nil
}

// fakeLesson has a proof for everything that can happen to one.
func fakeLesson() Lesson {
	proofs := []Proof{
		{
			ID: "holds",
			Guest: func(r *Report) error {
				r.Note("in English", "по-русски")
				r.Saw("a", "readlink /proc/self/ns/pid", "pid:[4026532281]")
				r.Saw("b", "the same again", "pid:[4026532281]")
				r.Sawf("n", "a number", "%d", 42)
				fmt.Println("its own words")
				return nil
			},
			Judge: func(s *Seen) {
				s.Same("a", "b")
				s.Differ("a", "n")
				s.Equal("n", "42")
				s.Check(s.Int("n") == 42, "not 42")
			},
		},
		{
			ID: "does-not-hold",
			Guest: func(r *Report) error {
				r.Saw("a", "which", "1")
				r.Saw("b", "what", "2")
				return nil
			},
			Judge: func(s *Seen) {
				s.Same("a", "b")
				s.Differ("a", "a")
				s.Equal("a", "3")
				s.Check(s.Get("never") == "x", "never is not x")
			},
		},
		{ID: "errno", Guest: func(*Report) error {
			return fmt.Errorf("mount(%q): %w", "/x", unix.EPERM)
		}},
		{ID: "panics", Guest: func(*Report) error {
			var nothing *Lesson
			return errors.New(nothing.Name)
		}},
		{ID: "exits", Guest: func(*Report) error {
			fmt.Println("last words")
			os.Exit(7)
			return nil
		}},
		{ID: "hangs", Timeout: 300 * time.Millisecond, Guest: func(r *Report) error {
			cmd := exec.Command("sleep", "600")
			if err := cmd.Start(); err != nil {
				return err
			}
			r.Sawf("pid", "sleeper", "%d", cmd.Process.Pid)
			select {}
		}},
		{ID: "leaves", Guest: func(r *Report) error {
			return exec.Command("sh", "-c", "sleep 600 >/dev/null 2>&1 &").Run()
		}},
		{ID: "orphans", Orphans: true, Guest: func(r *Report) error {
			return exec.Command("sh", "-c", "sleep 600 >/dev/null 2>&1 &").Run()
		}},
		{ID: "judge-panics", Guest: func(*Report) error { return nil }, Judge: func(*Seen) { panic("oh") }},
		{ID: "attack", Attack: secretAttack(asNobody, unix.EACCES)},
		{ID: "attack-succeeds", Attack: secretAttack(nil, unix.EACCES)},
		{ID: "attack-other-errno", Attack: secretAttack(asNobody, unix.EPERM)},
		{ID: "attack-fails", Attack: func() *Attack {
			a := secretAttack(asNobody, unix.EACCES)
			a.Without = asNobody
			return a
		}()},
		{ID: "attack-broken", Attack: secretAttack(func(*exec.Cmd) error { return unix.ENOSYS }, unix.EACCES)},
		{ID: "attack-inside", Attack: &Attack{
			Errno:  unix.EPERM,
			Inside: func(*Attacker) error { return unix.Setuid(65534) },
			Run:    func(*Attacker) error { return unix.Sethostname([]byte(hostname())) },
		}},
		{ID: "attack-killed", Attack: &Attack{
			Errno: unix.EPERM,
			Run:   func(*Attacker) error { return unix.Kill(os.Getpid(), unix.SIGKILL) },
		}},
		{ID: "cannot", Guest: func(*Report) error { return nil }, Judge: func(s *Seen) { s.Skip("no device here", "устройства нет") }},
		{ID: "cannot-and-wrong", Guest: func(*Report) error { return nil }, Judge: func(s *Seen) {
			s.Skip("no device here", "устройства нет")
			s.Check(false, "and wrong")
		}},
		{ID: "here", Host: true, Guest: func(r *Report) error {
			r.Saw("self", "readlink /proc/self/exe", exe())
			return nil
		}, Judge: func(s *Seen) { s.Equal("self", exe()) }},
		{ID: "student", User: "student", Guest: func(r *Report) error {
			r.Sawf("uid", "id -u", "%d", os.Getuid())
			return exec.Command("sh", "-c", "sleep 600 >/dev/null 2>&1 &").Run()
		}, Judge: func(s *Seen) { s.Check(s.Int("uid") != 0, "it is root") }},
		{ID: "may-die", MayDie: true, Guest: panicKernel, Judge: func(s *Seen) {
			s.Equal("last", "sysrq c")
			s.Check(s.Died() && strings.Contains(s.Console(), "sysrq"), "alive: %q", s.Console())
		}},
		{ID: "dies", Dangerous: true, Guest: panicKernel},
		{ID: "mydocker", Mydocker: true, Guest: func(r *Report) error {
			out, err := Mydocker("run", "true").Output()
			r.Saw("said", "mydocker run true", string(out))
			return err
		}},
		{ID: "dangerous", Dangerous: true, Guest: func(*Report) error { return errors.New("this ran") }},
	}
	return Lesson{Number: 9, Name: "09-fake", Proofs: proofs, Texts: fakeTexts(proofs)}
}

func panicKernel(r *Report) error {
	r.Saw("last", "echo c >/proc/sysrq-trigger", "sysrq c")
	return os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
}

func exe() string { path, _ := os.Readlink("/proc/self/exe"); return path }

func hostname() string { name, _ := os.Hostname(); return name }

// fakeTexts are the two READMEs of the fake lesson.
func fakeTexts(proofs []Proof) fstest.MapFS {
	en, ru := "# Lesson nine\n\n", "# Урок девять\n\n"
	for i, p := range proofs {
		en += fmt.Sprintf("### Proof 9.%d `%s`: About %s\nText in English, `with code` and a [link](http://x.example).\n\n", i+1, p.ID, p.ID)
		ru += fmt.Sprintf("### Доказательство 9.%d `%s`: О том, что %s\n%s\n\n", i+1, p.ID, p.ID,
			strings.Repeat("Довольно длинный русский текст, который придётся переносить. ", 4))
	}
	return fstest.MapFS{"README.md": {Data: []byte(en)}, "README.ru.md": {Data: []byte(ru)}}
}
