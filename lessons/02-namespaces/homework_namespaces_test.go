package main_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkNamespaces: the container's process is in namespaces of its own, sees them in /proc,
// and nothing of it reaches the host or outlives mydocker.
func checkNamespaces(t *grade.T) {
	contained(t)
	before := mounts(os.Getpid())
	expectCode(t, t.Mydocker("run", "sh", "-c", "exit 7").Run(), 7, "mydocker run sh -c 'exit 7'")
	expectCode(t, t.Mydocker("run", "no-such-command").Run(), 127, "mydocker run no-such-command")
	expectCode(t, t.Mydocker("run", "/etc/passwd").Run(), 126, "mydocker run /etc/passwd")

	s := script(t, "sleep 601 & sleep 602 & wait; exit 0")
	p := t.Mydocker(s.run()...).Start()
	pid := s.find(t, p)
	ownNamespaces(t, pid)
	ownProcfs(t, pid)
	notShared(t, pid)
	allEnd(t, p, pid)
	if after := mounts(os.Getpid()); !slices.Equal(before, after) {
		t.Saw("/proc/self/mountinfo", changes(before, after))
		t.Wrong("mount-left",
			"the container is gone, and the host's mount table is not what it was: %s",
			"контейнера уже нет, а таблица монтирования хоста не та, что была: %s", changes(before, after))
	}
}

var kindsNeeded = []struct{ name, flag string }{
	{"pid", "CLONE_NEWPID"}, {"uts", "CLONE_NEWUTS"}, {"ipc", "CLONE_NEWIPC"}, {"mnt", "CLONE_NEWNS"},
}

func ownNamespaces(t *grade.T, pid int) {
	t.Helper()
	for _, kind := range kindsNeeded {
		theirs, ours := link(pid, "ns/"+kind.name), link(os.Getpid(), "ns/"+kind.name)
		t.Saw(fmt.Sprintf("readlink /proc/%d/ns/%s /proc/self/ns/%s", pid, kind.name, kind.name), theirs+" "+ours)
		if theirs == ours {
			t.Wrong("ns-"+kind.name,
				"the command is in the same %s namespace as we are: the inode is the same. %s is missing in SysProcAttr.Cloneflags. See proof `kinds`.",
				"команда в том же пространстве имён %s, что и мы: inode один и тот же. В SysProcAttr.Cloneflags нет %s. См. доказательство `kinds`.", kind.name, kind.flag)
		}
	}
}

// ownProcfs looks at the /proc that the command sees.
func ownProcfs(t *grade.T, pid int) {
	t.Helper()
	root := fmt.Sprintf("/proc/%d/root", pid)
	var fs unix.Statfs_t
	if err := unix.Statfs(root+"/proc", &fs); err != nil || fs.Type != unix.PROC_SUPER_MAGIC {
		t.Wrong("proc-none",
			"what the command has at /proc is no procfs (%v, type %#x)",
			"на месте /proc у команды не procfs (%v, тип %#x)", err, fs.Type)
	}
	var theirs, ours unix.Stat_t
	if err := unix.Stat(root+"/proc", &theirs); err != nil {
		t.Broken(err)
	}
	if err := unix.Stat("/proc", &ours); err != nil {
		t.Broken(err)
	}
	t.Saw(fmt.Sprintf("stat -c %%d /proc/%d/root/proc /proc", pid), fmt.Sprintf("%d %d", theirs.Dev, ours.Dev))
	if theirs.Dev == ours.Dev {
		t.Wrong("proc-old",
			"the command still has the host's /proc: it is the same file system. A procfs shows the PID namespace of whoever mounted it, so a new one must be mounted from inside. See proofs `proc-lies` and `old-proc`.",
			"у команды всё ещё /proc хоста: это та же файловая система. procfs показывает пространство PID того, кто его смонтировал, поэтому новый надо монтировать изнутри. См. доказательства `proc-lies` и `old-proc`.")
	}
	one, _ := lifeOf("", initOf(t, pid))
	if shown, _ := lifeOf(root, 1); shown.start != one.start {
		t.Saw("start time of process 1, in their /proc and in truth", fmt.Sprintf("%d, %d", shown.start, one.start))
		t.Wrong("proc-foreign",
			"the command has a procfs of some other PID namespace: its process 1 is not the container's. Mount it after clone(2), in the child.",
			"у команды procfs какого-то другого пространства PID: процесс 1 в нём не тот, что в контейнере. Монтируйте после clone(2), в потомке.")
	}
}

// notShared: a second container is not in the first one's namespaces.
func notShared(t *grade.T, pid int) {
	t.Helper()
	s := sleeper(t)
	p := t.Mydocker(s.run()...).Start()
	second := s.find(t, p)
	for _, kind := range kindsNeeded {
		if a, b := link(pid, "ns/"+kind.name), link(second, "ns/"+kind.name); a == b {
			t.Wrong("ns-shared",
				"two containers are in one %s namespace, %s",
				"два контейнера в одном пространстве имён %s: %s", kind.name, a)
		}
	}
	unix.Kill(initOf(t, second), unix.SIGKILL)
	expectCode(t, p.Wait(), 128+9, "mydocker run of a container whose process 1 SIGKILL ended")
}

// allEnd: mydocker is killed, and every process of the container with it.
func allEnd(t *grade.T, p *grade.Process, pid int) {
	t.Helper()
	starts := map[int]uint64{}
	t.Eventually(patience, func() bool { // the shell, its two sleeps, and whoever is process 1
		for outside := range inside(t, pid) {
			l, _ := lifeOf("", outside)
			starts[outside] = l.start
		}
		return len(starts) >= 4
	})
	p.Signal(syscall.SIGKILL)
	p.Wait()
	left := 0
	if !t.Eventually(patience, func() bool {
		left = 0
		for outside, start := range starts {
			if alive(outside, start) {
				left = outside
			}
		}
		return left == 0
	}) {
		t.Saw(fmt.Sprintf("tr '\\0' ' ' </proc/%d/cmdline", left), commandLine(left))
		t.Wrong("survivor",
			"mydocker was killed, and process %d of its container lives on. SIGKILL for process 1 when its parent dies (Pdeathsig) ends them all: with it the kernel ends the PID namespace. See proof `init-death`.",
			"mydocker убит, а процесс %d его контейнера живёт. SIGKILL процессу 1 на смерть родителя (Pdeathsig) завершает всех: вместе с ним ядро завершает пространство PID. См. доказательство `init-death`.", left)
	}
	reap(slices.Collect(maps.Keys(starts))...)
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(string(line), "\x00", " ")
}

// contained ends the task if mydocker's mounts reach the host. Every task asks first, and it
// is tried once, in a copy of the mount table that is shared as a machine's usually is: a
// leak on the host itself would blind the checks.
func contained(t *grade.T) {
	t.Helper()
	leaked, err := leaks()
	if err != nil {
		t.Broken(err)
	}
	if leaked != "" {
		t.Saw("/proc/self/mountinfo on the host, after mydocker run true", leaked)
		t.Wrong("mount-leak",
			"what mydocker mounted or unmounted in the container happened on the host as well: %s. The new mount table is a copy whose mounts are still joined to the host's. Before any other mount make them private: MS_REC|MS_PRIVATE on \"/\". See proof `proc-lies`.",
			"то, что mydocker смонтировал или отмонтировал в контейнере, случилось и на хосте: %s. Новая таблица монтирования лишь копия, и её точки ещё связаны с точками хоста. Прежде чем монтировать, сделайте их частными: MS_REC|MS_PRIVATE на \"/\". См. доказательство `proc-lies`.", leaked)
	}
}

var leaks = sync.OnceValues(func() (string, error) {
	root, err := os.MkdirTemp("", "mydocker-contained-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	cmd := exec.Command("sh", "-c", `mount --make-rshared / && echo && read go && "$0" run true </dev/null >/dev/null 2>&1; echo; read go`, os.Getenv("MYDOCKER"))
	cmd.Env = append(os.Environ(), "MYDOCKER_ROOT="+root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // Go makes it private
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	defer cmd.Wait()
	defer in.Close()
	out := bufio.NewReader(pipe)
	if _, err := out.ReadString('\n'); err != nil {
		return "", fmt.Errorf("mount --make-rshared /: %w", err)
	}
	before := mounts(cmd.Process.Pid)
	io.WriteString(in, "go\n")
	// One that hangs, or has ended the shell, has leaked nothing that could be seen here. The
	// checks that follow will tell of it.
	pipe.(*os.File).SetReadDeadline(time.Now().Add(grade.Scaled(10 * time.Second)))
	if _, err := out.ReadString('\n'); err != nil {
		return "", cmd.Process.Kill()
	}
	return changes(before, mounts(cmd.Process.Pid)), nil
})

// mounts lists a process's mount table: where, what part of what, and of which type.
func mounts(pid int) (table []string) {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	for line := range strings.Lines(string(data)) {
		first, last, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(first), strings.Fields(last)
		if len(f) > 4 && len(g) > 0 {
			table = append(table, fmt.Sprintf("%s (%s, %s %s)", f[4], g[0], f[2], f[3]))
		}
	}
	return table
}

// changes says what came and what went.
func changes(before, after []string) string {
	var list []string
	for _, m := range after {
		if !slices.Contains(before, m) {
			list = append(list, "+ "+m)
		}
	}
	for _, m := range before {
		if !slices.Contains(after, m) {
			list = append(list, "- "+m)
		}
	}
	return strings.Join(list, ", ")
}
