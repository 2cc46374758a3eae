package main_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkHostname: the container has a name of its own, and the host keeps its.
func checkHostname(t *grade.T) {
	contained(t)
	ours, err := os.Hostname()
	if err != nil {
		t.Broken(err)
	}
	t.Cleanup(func() { unix.Sethostname([]byte(ours)) }) // a wrong mydocker renames the host

	// The name that was asked for.
	s := sleeper(t)
	p := t.Mydocker(s.run("--hostname", "kitchen", "--name", "asked")...).Start()
	pid := s.find(t, p)
	hostKeeps(t, ours)
	calledInside(t, pid, "kitchen", "hostname-unset",
		"mydocker run --hostname kitchen, and uname(2) in the container's UTS namespace says %q, not %q: sethostname(2) is to be called in the child, after clone(2) and before the command. See proof `hostname`.",
		"mydocker run --hostname kitchen, а uname(2) в пространстве UTS контейнера отвечает %q, а не %q: sethostname(2) надо вызвать в потомке, после clone(2) и до команды. См. доказательство `hostname`.")

	// None asked for: the id, as docker has it. At the same time as the other.
	d := sleeper(t)
	q := t.Mydocker(d.run("--name", "default")...).Start()
	second := d.find(t, q)
	hostKeeps(t, ours)
	calledInside(t, second, lookUp(t, "default").ID, "hostname-default",
		"without --hostname the container is called %q; as docker has it, it is called by its id, %q",
		"без --hostname контейнер называется %q; как у docker, его имя совпадает с идентификатором: %q")

	unix.Kill(initOf(t, pid), unix.SIGKILL)
	unix.Kill(initOf(t, second), unix.SIGKILL)
	p.Wait()
	q.Wait()
	hostKeeps(t, ours)

	// What is no name: Linux takes 64 characters (sethostname(2)).
	long := sleeper(t)
	res := t.Mydocker(long.run("--hostname", strings.Repeat("n", 65))...).Run()
	if res.Code != 125 || long.pid() != 0 {
		t.Saw("mydocker run --hostname of 65 characters", fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
		t.Wrong("hostname-nonsense",
			"a hostname of 65 characters is too long for the kernel: mydocker has to say so, to exit with 125 and not to start the command; it exited with %d",
			"имя из 65 символов для ядра слишком длинное: mydocker должен сказать об этом, выйти с кодом 125 и не запускать команду; он вышел с кодом %d", res.Code)
	}
}

// hostKeeps: the machine is called what it was called.
func hostKeeps(t *grade.T, ours string) {
	t.Helper()
	now, err := os.Hostname()
	if err != nil {
		t.Broken(err)
	}
	if now != ours {
		unix.Sethostname([]byte(ours))
		t.Saw("hostname, on the host", now)
		t.Wrong("hostname-host",
			"the machine itself was called %q and is now called %q. sethostname(2) names the UTS namespace of its caller: called in the parent, before clone(2), that is the host's. See proof `hostname`.",
			"сама машина называлась %q, а теперь называется %q. sethostname(2) называет пространство UTS того, кто её вызвал: если вызвать в родителе, до clone(2), это пространство хоста. См. доказательство `hostname`.", ours, now)
	}
}

// calledInside compares what the kernel calls the process's UTS namespace, and what the command
// finds in its environment.
func calledInside(t *grade.T, pid int, want, diagnosis, en, ru string) {
	t.Helper()
	got, err := unameOf(pid)
	if err != nil {
		t.Broken(err)
	}
	t.Saw(fmt.Sprintf("nsenter -u -t %d uname -n", pid), got)
	if got != want {
		t.Wrong(diagnosis, en, ru, got, want)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Broken(err)
	}
	if !slices.Contains(strings.Split(string(environ), "\x00"), "HOSTNAME="+want) {
		t.Saw(fmt.Sprintf("tr '\\0' '\\n' </proc/%d/environ", pid), strings.ReplaceAll(string(environ), "\x00", " "))
		t.Wrong("hostname-environ",
			"the container is called %q, and HOSTNAME in the command's environment does not say so",
			"контейнер называется %q, а в HOSTNAME из окружения команды другое", want)
	}
}

// unameOf asks uname(2) in the UTS namespace of a process, on a thread that ends there.
func unameOf(pid int) (string, error) {
	type answer struct {
		name string
		err  error
	}
	answers := make(chan answer)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is in another namespace and dies with us
		name, err := func() (string, error) {
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/uts", pid))
			if err != nil {
				return "", err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWUTS); err != nil {
				return "", fmt.Errorf("setns(%s): %w", ns.Name(), err)
			}
			var uts unix.Utsname
			err = unix.Uname(&uts)
			return string(bytes.TrimRight(uts.Nodename[:], "\x00")), err
		}()
		answers <- answer{name, err}
	}()
	a := <-answers
	return a.name, a.err
}
