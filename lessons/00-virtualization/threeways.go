package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/prose"
	"mydocker.example/vm"
)

// A method is a way to run hello, and what was measured of it.
type method struct {
	key, en, ru string
	rounds      int
	prepare     func(name string) (*exec.Cmd, error)

	took   []time.Duration // from the start to the first line
	memory []int64         // KiB, at most, until then
	said   []string        // what hello said, in parts
}

func methods(hello string) []*method {
	return []*method{
		{key: "process", en: "process", ru: "процесс", rounds: 15,
			prepare: func(name string) (*exec.Cmd, error) { return exec.Command(hello, name), nil }},
		{key: "container", en: "container", ru: "контейнер", rounds: 15,
			prepare: func(name string) (*exec.Cmd, error) { return contained(exec.Command(hello, name)), nil }},
		{key: "vm", en: "virtual machine", ru: "виртуальная машина", rounds: 3,
			prepare: func(name string) (*exec.Cmd, error) {
				return guest{programs: map[string]string{"init": hello}, init: "/init", args: []string{name}}.qemu()
			}},
	}
}

// once runs hello once and measures. It is alive while we look: it waits for Enter.
func (m *method) once() error {
	name := rand.Text()[:8]
	cmd, err := m.prepare(name)
	if err != nil {
		return err
	}
	r, err := start(cmd)
	if err != nil {
		return err
	}
	defer r.kill()
	said, err := r.until(greeting)
	if err != nil {
		return err
	}
	took := time.Since(r.began)
	if said[1] != name {
		return fmt.Errorf("hello greets %s instead of %s", said[1], name)
	}
	memory, err := peakMemory(cmd.Process.Pid)
	if err != nil {
		return err
	}
	m.took, m.memory, m.said = append(m.took, took), append(m.memory, memory), said
	return nil
}

var hwm = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// peakMemory is the most memory that a process has had resident, in KiB (proc_pid_status(5)).
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := hwm.FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("no VmHWM in /proc/%d/status", pid)
	}
	return strconv.ParseInt(string(found[1]), 10, 64)
}

func median[number time.Duration | int64](numbers []number) number {
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[len(sorted)/2]
}

func (m *method) millis() float64 { return float64(median(m.took).Microseconds()) / 1000 }
func (m *method) mebis() float64  { return float64(median(m.memory)) / 1024 }

// threeWays measures the three ways in one run, in turn, so that what else the machine does
// falls on all of them.
var threeWays = proof.Proof{
	ID: "three-ways", Host: true, Timeout: 2 * bootTime,
	Guest: func(r *proof.Report) error {
		hello, err := helloProgram()
		if err != nil {
			return err
		}
		all := methods(hello)
		for round := range all[0].rounds {
			for _, m := range all {
				if round >= m.rounds {
					continue
				}
				if err := m.once(); err != nil && m.key == "container" && refused(err) {
					r.Saw("refused", "clone(2) with new namespaces", refusal(err))
					m.rounds = 0
				} else if err != nil {
					return fmt.Errorf("%s: %w", m.key, err)
				}
			}
		}
		all = slices.DeleteFunc(all, func(m *method) bool { return m.rounds == 0 })
		ours, err := ourKernel()
		if err != nil {
			return err
		}
		r.Saw("kernel-ours", "this machine: uname -r", ours)
		theirs, err := kernelRelease()
		if err != nil {
			return err
		}
		r.Saw("kernel-file", "the kernel file that QEMU is given", theirs)
		for _, m := range all {
			r.Sawf("took-"+m.key, m.en+": start to first line", "%.1f ms (median of %d)", m.millis(), len(m.took))
			r.Sawf("memory-"+m.key, m.en+": memory at its peak", "%.1f MiB", m.mebis())
			r.Saw("pid-"+m.key, m.en+": the PID that hello has", m.said[2])
			r.Saw("kernel-"+m.key, m.en+": the kernel that hello sees", m.said[3])
			r.Sawf("sees-"+m.key, m.en+": the memory that hello sees", "%s MiB", m.said[4])
		}
		r.Saw("", "start to first line", bars(all, "ms", (*method).millis))
		r.Saw("", "memory", bars(all, "MiB", (*method).mebis))
		path, err := saveDrawing(all)
		if err != nil {
			return err
		}
		r.Saw("drawing", "the same as a drawing", path)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("pid-vm", "1")
		s.Same("kernel-process", "kernel-ours")
		s.Same("kernel-vm", "kernel-file")
		s.Check(s.Get("pid-process") != "1", "a process should not be process 1")
		took := func(key string) float64 { return number(s.Get("took-" + key)) }
		memory := func(key string) float64 { return number(s.Get("memory-" + key)) }
		s.Check(took("vm") > 10*took("process"), "a machine should take 10 times as long as a process to start")
		s.Check(memory("vm") > 10*memory("process"), "a machine should take 10 times the memory of a process")
		if s.Has("refused") {
			skipRefused(s)
			return
		}
		s.Equal("pid-container", "1")
		s.Same("kernel-container", "kernel-ours")
		s.Same("sees-container", "sees-process") // namespaces hide, they do not limit
		s.Check(took("vm") > 5*took("container"), "a machine should take 5 times as long as a container to start")
		s.Check(memory("vm") > 10*memory("container"), "a machine should take 10 times the memory of a container")
	},
}

func ourKernel() (string, error) {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(release)), err
}

// saveDrawing writes the drawing, in both languages, into the folder that OUT names, or into
// the cache, and returns the path of the reader's.
func saveDrawing(all []*method) (path string, err error) {
	dir := os.Getenv("OUT")
	if dir == "" {
		cache, err := vm.CacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "out")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for lang, name := range map[string]string{"en": "three-ways.svg", "ru": "three-ways.ru.svg"} {
		if err := save(filepath.Join(dir, name), drawing(all, lang)); err != nil {
			return "", err
		}
		if lang == prose.Lang() {
			path = filepath.Join(dir, name)
		}
	}
	return path, nil
}

// save writes a file whole, or leaves what was there before.
func save(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".three-ways-*")
	if err != nil {
		return err
	}
	_, err = io.WriteString(tmp, text)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}
