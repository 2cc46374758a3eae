package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// What a runtime leaves open by itself: a set that nobody looks at, and its own process.

// inherited: CVE-2022-24769. A file of the image asks for what was left in the inheritable set.
var inherited = proof.Proof{
	ID: "inherited",
	Attack: &proof.Attack{
		Prepare: func(r *proof.Report) (cleanup func(), err error) {
			program, remove, err := copyOfMe()
			if err != nil {
				return nil, err
			}
			r.Pass("program", program)
			return remove, giveFile(program, 0, bit(unix.CAP_NET_BIND_SERVICE))
		},
		Run: func(a *proof.Attacker) error {
			if err := setup(setuid(33)); err != nil { // all sets are emptied by it, but for one
				return err
			}
			a.Saw("CapInh and CapPrm of user 33", mine("CapInh")+", "+mine("CapPrm"))
			t, err := execve(a.Get("program"), nil, "NET_BIND_SERVICE")
			if err != nil {
				return setup(err)
			}
			a.Saw("it executes a program with cap_net_bind_service=ei: CapPrm", t.Is["CapPrm"])
			a.Saw("bind(port 999)", t.Call)
			switch t.Call {
			case "ok":
				return nil
			case "EACCES":
				return unix.EACCES
			}
			return errors.New(t.Call)
		},
		Without: inheritDockers,
		With:    inheritDockers,
		Inside:  dockers, // and inheritable is empty
		Errno:   unix.EACCES,
	},
}

// inheritDockers is set in the parent: a container as a runtime began it that took "root may
// have these" for all sets. Go fills inheritable and ambient before it executes.
func inheritDockers(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &unix.SysProcAttr{}
	for c := range 64 {
		if docker&bit(c) != 0 {
			cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, uintptr(c))
		}
	}
	return nil
}

// runtimeThread: process 1 of a container is the runtime's, and one of its threads has become
// as weak as the container.
var runtimeThread = proof.Proof{
	ID: "runtime-thread",
	Attack: &proof.Attack{
		Prepare: startRuntimes,
		Run: func(a *proof.Attacker) error {
			if err := setup(noMoreThanDocker()); err != nil {
				return err
			}
			start(a)
			pid := os.Getenv("RUNTIME")
			threads, err := filepath.Glob("/proc/" + pid + "/task/*/environ")
			if err != nil || len(threads) == 0 {
				return fmt.Errorf("no threads of %s: %w", pid, err)
			}
			for _, path := range threads {
				text, err2 := os.ReadFile(path)
				a.Saw("cat "+path, said(token(text), err2))
				if err2 == nil {
					return nil
				}
				err = err2
			}
			return err
		},
		Without: func(cmd *exec.Cmd) error { return against(cmd, "open") },
		With:    func(cmd *exec.Cmd) error { return against(cmd, "undumpable") },
		Errno:   unix.EACCES,
	},
}

func token(environ []byte) string {
	for _, entry := range bytes.Split(environ, []byte{0}) {
		if bytes.HasPrefix(entry, []byte("TOKEN=")) {
			return string(entry)
		}
	}
	return "(no token)"
}

// runtimes are the victims of the half at hand.
var runtimes = map[string]*exec.Cmd{}

func startRuntimes(*proof.Report) (cleanup func(), err error) {
	cleanup = func() {
		for _, victim := range runtimes {
			victim.Process.Kill()
			victim.Wait()
		}
		clear(runtimes)
	}
	for _, kind := range []string{"open", "undumpable"} {
		victim := reexec.Command("runtime", kind)
		victim.Env = append(os.Environ(), "TOKEN=hush")
		victim.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		out, err := victim.StdoutPipe()
		if err != nil {
			return cleanup, err
		}
		if err := victim.Start(); err != nil {
			return cleanup, err
		}
		runtimes[kind] = victim
		if _, err := out.Read(make([]byte, 1)); err != nil {
			return cleanup, fmt.Errorf("the runtime is not ready: %w", err)
		}
	}
	return cleanup, nil
}

func against(cmd *exec.Cmd, kind string) error {
	cmd.Env = append(cmd.Env, fmt.Sprintf("RUNTIME=%d", runtimes[kind].Process.Pid))
	return nil
}

func init() { reexec.Register("runtime", beRuntime) }

// beRuntime is the victim: all capabilities in every thread but one, and no more to do.
func beRuntime() {
	if os.Args[1] == "undumpable" {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			os.Exit(1)
		}
	}
	go func() {
		runtime.LockOSThread()
		if limit(docker) != nil {
			os.Exit(1)
		}
		os.Stdout.Write([]byte{1})
		sleepForever()
	}()
	sleepForever()
}

// sleepForever keeps a thread in the kernel. pause(2) comes back at every signal, and Go's
// own threads interrupt one another by SIGURG.
func sleepForever() {
	for {
		unix.Pause()
	}
}
