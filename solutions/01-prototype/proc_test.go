package main

import (
	"os"
	"os/exec"
	"testing"
)

func TestParseStat(t *testing.T) {
	const tail = " S 1 7 7 0 -1 4194560 108 0 0 0 0 0 0 0 20 0 1 0 4711 5967872 436 18446744073709551615"
	for _, name := range []string{"sleep", "tmux: server", "a) R 1 (b", ")"} {
		got, err := parseStat("42 (" + name + ")" + tail)
		if want := (stat{State: 'S', StartTime: 4711}); err != nil || got != want {
			t.Errorf("a process named %q: %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, line := range []string{"", "42", "42 (sleep) S 1", "42 (sleep"} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", line, got)
		}
	}
}

// A container is running exactly as long as the kernel has the process that was started.
func TestState(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var c Container
	if err := identify(&c, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	code := 0
	ended, rebooted, reused := c, c, c
	ended.ExitCode, rebooted.BootID, reused.StartTime = &code, "another boot", c.StartTime-1

	expect := func(what string, c Container, want string) {
		t.Helper()
		if got, err := c.state(); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", what, got, err, want)
		}
	}
	expect("never started", Container{}, created)
	expect("started", c, running)
	expect("started, recorded as ended", ended, exited)
	expect("started before a reboot", rebooted, exited)
	expect("its PID has a new owner", reused, exited)

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// Not waited for: the process stays, as a zombie, from the moment when it is dead.
	for st, err := readStat(c.PID); st.State != 'Z'; st, err = readStat(c.PID) {
		if err != nil {
			t.Fatal(err)
		}
	}
	expect("a zombie", c, exited)
	cmd.Wait()
	expect("gone", c, exited)
}

func TestIdentifyNobody(t *testing.T) {
	var c Container
	if err := identify(&c, os.Getpid()+1<<23); err == nil { // above every pid_max
		t.Errorf("identified: %+v", c)
	}
}
