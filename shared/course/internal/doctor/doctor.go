// Package doctor looks at a machine as the course does.
package doctor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// A Finding is one line of the table.
type Finding struct {
	Name   string
	OK     bool
	Needed bool   // the course does not work without it
	Found  string // what is there
	Mend   string // what to type
}

// A Machine says where to look. A test names folders of its own and is another machine.
type Machine struct {
	Proc, Sys, Etc, Dev, Lib string
	Env                      func(name string) string
	Find                     func(program string) (string, error)
}

// Here is the machine that we run on.
var Here = Machine{Proc: "/proc", Sys: "/sys", Etc: "/etc", Dev: "/dev", Lib: "/lib", Env: os.Getenv, Find: exec.LookPath}

// read is a file's text without the space around it; "" where there is no such file.
func read(elem ...string) string {
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func exists(elem ...string) bool {
	_, err := os.Stat(filepath.Join(elem...))
	return err == nil
}

// Examine looks at what the course needs first, and at what is only good to have last.
func Examine(ctx context.Context, m Machine, t tree.Tree) []Finding {
	findings := []Finding{
		m.system(), goTool(ctx, t), m.program(ctx, "make", true, "--version"), m.program(ctx, "git", false, "--version"),
		m.disk(t), m.memory(), goModules(ctx, t), labImage(),
		m.qemu(ctx), m.accelerator(), m.packages(ctx), m.proxy(),
	}
	if f, ok := m.wsl(t.Root); ok {
		findings = append(findings, f)
	}
	return append(findings, onHost(m.cgroup2()), onHost(m.userNamespaces()))
}

// Free is how many bytes the disk has free on which a folder is or will be.
func Free(dir string) (uint64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(dir, &s)
	for ; errors.Is(err, unix.ENOENT); err = unix.Statfs(dir, &s) {
		dir = filepath.Dir(dir)
	}
	return s.Bavail * uint64(s.Bsize), err
}

// onHost marks a need that the lab does not have.
func onHost(f Finding) Finding {
	f.Needed = false
	f.Found = strings.TrimSpace(f.Found + say.T(" (only LAB=host needs it)", " (нужно только для LAB=host)"))
	return f
}
