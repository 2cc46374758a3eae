package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// What one does with a cgroup: mkdir(2), write(2) and read(2) of its files, rmdir(2). Every
// other file of this lesson goes through these few functions.

// top is where the tree of cgroups is mounted (cgroups(7)).
const top = "/sys/fs/cgroup"

// A group is the folder of a cgroup.
type group string

// newGroup is mkdir(2): the kernel fills the folder with files. A folder does not end with
// the process that made it: what a run that was killed has left goes first.
func newGroup(parent group, name string) (group, error) {
	g := parent + "/" + group(name)
	err := os.Mkdir(string(g), 0o755)
	if errors.Is(err, unix.EEXIST) {
		g.remove()
		err = os.Mkdir(string(g), 0o755)
	}
	if err != nil {
		return "", err
	}
	return g, nil
}

// set writes one file of a group. One write(2) is one request; the answer is its errno.
func (g group) set(file, value string) error {
	path := string(g) + "/" + file
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // no O_CREAT: the kernel makes these files, nobody else
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("write(%q, %q): %w", path, value, errors.Unwrap(err))
	}
	return nil
}

// get reads one file of a group.
func (g group) get(file string) (string, error) {
	text, err := os.ReadFile(string(g) + "/" + file)
	return strings.TrimSpace(string(text)), err
}

// number reads a file that holds one number.
func (g group) number(file string) (int64, error) {
	text, err := g.get(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// field reads one line of a file of "name value" lines: memory.events, cpu.stat.
func (g group) field(file, name string) (int64, error) {
	text, err := g.get(file)
	if err != nil {
		return 0, err
	}
	return parseField(strings.NewReader(text), name)
}

func parseField(r io.Reader, name string) (int64, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), " "); ok && key == name {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, errors.Join(lines.Err(), fmt.Errorf("no field %s", name))
}

// name is the last part of the path, for the reader.
func (g group) name() string { return filepath.Base(string(g)) }

// remove kills whoever is in the group, waits until it is empty, and removes it with the
// groups below. A folder of cgroups is emptied from below; its files are not for rm(1).
func (g group) remove() {
	g.set("cgroup.kill", "1")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if n, err := g.field("cgroup.events", "populated"); err != nil || n == 0 {
			break
		}
	}
	below, _ := os.ReadDir(string(g))
	for _, entry := range below {
		if entry.IsDir() {
			(g + "/" + group(entry.Name())).remove()
		}
	}
	for range 100 { // EBUSY for a moment, when the last process is dying still
		if err := os.Remove(string(g)); !errors.Is(err, unix.EBUSY) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// tell sets a file of a group and shows that as what a shell would do.
func tell(r *proof.Report, g group, file, value string) error {
	err := g.set(file, value)
	r.Saw("", fmt.Sprintf("echo %s >%s/%s", value, g.name(), file), answer(err))
	return err
}

// show reports a file of a group under key.
func show(r *proof.Report, key string, g group, file string) error {
	text, err := g.get(file)
	if err != nil {
		return err
	}
	r.Saw(key, fmt.Sprintf("cat %s/%s", g.name(), file), text)
	return nil
}

// showField reports one line of a file of a group under key.
func showField(r *proof.Report, key string, g group, file, field string) error {
	n, err := g.field(file, field)
	if err != nil {
		return err
	}
	r.Sawf(key, fmt.Sprintf("grep -w %s %s/%s", field, g.name(), file), "%d", n)
	return nil
}

// bornIn has clone3(2) put the child into a group at its birth: CLONE_INTO_CGROUP, for which
// the kernel wants a descriptor of the folder. It is set in the parent; close the file when
// the child was started.
func bornIn(cmd *exec.Cmd, g group) (*os.File, error) {
	dir, err := os.Open(string(g))
	if err != nil {
		return nil, err
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.UseCgroupFD = true
	cmd.SysProcAttr.CgroupFD = int(dir.Fd())
	return dir, nil
}

// startIn starts a command in a group; "" is where we are ourselves. It dies with us, should
// we be killed: to the kernel that is this thread, which Go keeps (prctl(2), PR_SET_PDEATHSIG).
func startIn(cmd *exec.Cmd, g group) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if g != "" {
		dir, err := bornIn(cmd, g)
		if err != nil {
			return err
		}
		defer dir.Close()
	}
	return cmd.Start()
}

// groupOf is /proc/PID/cgroup, the path of a process's cgroup: "0::/jobs". In it the
// numbers 0 and the emptiness between the colons are what is left of v1.
func groupOf(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return strings.TrimSpace(string(text)), err
}

// ending waits for a command and says what ended it: "SIGKILL", or "exit 3".
func ending(cmd *exec.Cmd) string {
	cmd.Wait() // its error is the very thing we report
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("exit %d", status.ExitStatus())
}

// answer turns what a system call returned into the text of a fact: "ok", or the name of
// the errno. This lesson is full of calls that are meant to fail.
func answer(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		if errno == unix.EOPNOTSUPP { // ENOTSUP is the same number
			return "EOPNOTSUPP"
		}
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// check ends a child that cannot go on; its parent sees the exit code.
func check(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

const megabyte = 1 << 20

// residentKB is how much memory a process holds, VmRSS of /proc/PID/status (proc_pid_status(5)).
func residentKB(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmRSS:" {
			return strconv.ParseInt(fields[1], 10, 64)
		}
	}
	return 0, errors.Join(lines.Err(), errors.New("no VmRSS"))
}

// killListed sends SIGKILL to whoever is in cgroup.procs, one after the other, and counts
// those who are there then and were not in the list.
func killListed(g group) (listed, grown int, err error) {
	before, err := g.get("cgroup.procs")
	if err != nil {
		return 0, 0, err
	}
	pids := strings.Fields(before)
	for _, field := range pids {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return 0, 0, err
		}
		if pid > 1 { // 0 would be our own process group (kill(2))
			unix.Kill(pid, unix.SIGKILL)
			time.Sleep(2 * time.Millisecond) // a shell that does this is not faster
		}
	}
	after, err := g.get("cgroup.procs")
	for _, pid := range strings.Fields(after) {
		if !slices.Contains(pids, pid) {
			grown++
		}
	}
	return len(pids), grown, err
}

// ownerOf names the owner of a file.
func ownerOf(info os.FileInfo) string {
	uid := info.Sys().(*syscall.Stat_t).Uid
	if u, err := user.LookupId(strconv.Itoa(int(uid))); err == nil {
		return u.Username
	}
	return strconv.Itoa(int(uid))
}
