package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkWalls: who comes in later has no more than who was there first, brings nothing in, and
// cannot be seen on the way.
func checkWalls(t *grade.T) {
	root := execRoot(t)
	// Without O_CLOEXEC, as a shell opens a descriptor for its commands: 9</.
	folder, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Broken(err)
	}
	defer unix.Close(folder)

	g := startGuest(t, root, "--net", "none", "--drop-cap", "CHOWN")
	p, pid := execIn(t, g)
	sameWalls(t, g, pid)
	ownSession(t, pid)
	nothingOpen(t, pid)
	p.Signal(unix.SIGKILL)
	p.Wait()
	dismiss(t, g)
	unseen(t, root)
}

// sameWalls compares what the kernel notes of the two.
func sameWalls(t *grade.T, g guest, pid int) {
	t.Helper()
	for _, set := range []string{"CapInh", "CapAmb", "CapEff", "CapPrm", "CapBnd"} {
		theirs, got := hexOf(t, g.pid, set), hexOf(t, pid, set)
		if got&^theirs == 0 {
			continue
		}
		t.Saw(fmt.Sprintf("grep %s /proc/%d/status, the container's", set, g.pid), fmt.Sprintf("%016x", theirs))
		t.Saw(fmt.Sprintf("grep %s /proc/%d/status, exec's", set, pid), fmt.Sprintf("%016x", got))
		if set == "CapInh" {
			t.Wrong("inheritable",
				"the command that exec started has inheritable capabilities: with them a program whose file has capabilities gains them for anybody (CVE-2022-24769). That set is to be empty.",
				"у команды, запущенной exec, есть наследуемые capabilities: с ними программа, у файла которой есть capabilities, даёт их кому угодно (CVE-2022-24769). Это множество должно быть пустым.")
		}
		t.Wrong("more-capabilities",
			"the command that exec started has capabilities that the container has not, in %s: setns(2) into the namespaces takes none away.",
			"у команды, запущенной exec, в %s есть capabilities, которых нет у контейнера: setns(2) в пространства имён ничего не отнимает.", set)
	}
	if differs(t, g, pid, "NoNewPrivs") {
		t.Wrong("no-new-privs",
			"the container's command has no_new_privs, and exec's has not: a setuid program makes it more than it is",
			"у команды контейнера стоит no_new_privs, а у команды exec нет: программа с setuid сделает её большим, чем она есть")
	}
	if differs(t, g, pid, "Seccomp") {
		t.Wrong("no-filter",
			"the container's command is behind a seccomp filter, and exec's is not: it may call what the container may not",
			"команда контейнера за фильтром seccomp, а команда exec нет: ей можно то, чего контейнеру нельзя")
	}
	if theirs, got := strings.TrimSpace(file(t, g.pid, "oom_score_adj")), strings.TrimSpace(file(t, pid, "oom_score_adj")); number(got) < number(theirs) {
		t.Wrong("oom-score",
			"exec's command has the oom_score_adj %s, and the container's %s: when memory is short, it would live longer",
			"у команды exec oom_score_adj %s, а у контейнера %s: когда не хватит памяти, она переживёт его", got, theirs)
	}
}

// differs: a line of /proc/PID/status is another one.
func differs(t *grade.T, g guest, pid int, key string) bool {
	t.Helper()
	theirs, got := lineOf(t, g.pid, key), lineOf(t, pid, key)
	if theirs == got {
		return false
	}
	t.Saw(fmt.Sprintf("grep %s /proc/%d/status, the container's", key, g.pid), theirs)
	t.Saw(fmt.Sprintf("grep %s /proc/%d/status, exec's", key, pid), got)
	return true
}

// ownSession: a process of our session could type into our terminal (TIOCSTI, ioctl_tty(2)).
func ownSession(t *grade.T, pid int) {
	t.Helper()
	session, err := unix.Getsid(pid)
	ours, err2 := unix.Getsid(0)
	if err := errors.Join(err, err2); err != nil {
		t.Broken(err)
	}
	if session == ours {
		t.Wrong("our-session",
			"the command is in the session of who called mydocker exec: with that it has their terminal for its own. setsid(2).",
			"команда в сеансе того, кто вызвал mydocker exec: тем самым его терминал и её собственный. setsid(2).")
	}
}

// nothingOpen: three descriptors, and none of them a folder of the host.
func nothingOpen(t *grade.T, pid int) {
	t.Helper()
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Broken(err)
	}
	for _, fd := range fds {
		path := fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name())
		target, _ := os.Readlink(path)
		info, err := os.Stat(path)
		if err == nil && info.IsDir() || number(fd.Name()) > 2 && !strings.HasPrefix(target, "/dev/") && !strings.HasPrefix(target, "/bin/") {
			t.Saw("readlink "+path, target)
			t.Wrong("descriptor",
				"the command that exec started has descriptor %s: %s. A folder of the host that is open is a way out, whatever the root; close_range(2) before setns(2). See proof `inherited-descriptor` of lesson 03.",
				"у команды, запущенной exec, открыт дескриптор %s: %s. Открытая папка хоста — это выход наружу, каким бы ни был корень; close_range(2) до setns(2). См. доказательство `inherited-descriptor` урока 03.", fd.Name(), target)
		}
	}
}

// unseen: a spy is the container's command. It looks at every process in its /proc that is
// not of the container's own programs, while others come in.
func unseen(t *grade.T, root string) {
	t.Helper()
	exe, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(root+"/bin/spy", exe, 0o755)
	}
	if err != nil {
		t.Broken(err)
	}
	p := t.Mydocker("run", "--net", "none", "--name", "watched", "--rootfs", root, "/bin/spy", spyArg).Start()
	t.Cleanup(func() { t.Mydocker("rm", "-f", "watched").Run() })
	if !t.Eventually(netPatience, func() bool { return strings.Contains(p.Stdout(), "awake\n") || p.Ended() }) || p.Ended() {
		t.Wrong("not-started", "mydocker run did not start the spy: %s", "mydocker run не запустил шпиона: %s", p.Stderr())
	}
	for range 5 {
		t.Mydocker("exec", "watched", "true").Run()
	}
	// Somebody whom it may see, so that its silence says something.
	if !t.Eventually(netPatience, func() bool {
		t.Mydocker("exec", "watched", "sleep", "0.2").Run()
		return strings.Contains(p.Stdout(), "sees /bin/busybox\n") || strings.Contains(p.Stdout(), "secret ")
	}) {
		t.Broken(fmt.Errorf("the spy sees nobody: %s", p.Stdout()))
	}
	for line := range strings.Lines(p.Stdout()) {
		if what, ok := strings.CutPrefix(line, "secret "); ok {
			t.Saw("a process of the container, looking at /proc/*/exe during exec", what)
			t.Wrong("seen-coming",
				"a process of the container could look into mydocker while it came in: its program, %s, and with it its memory and its descriptors (CVE-2016-9962). PR_SET_DUMPABLE 0, before setns(2).",
				"процесс контейнера смог заглянуть в mydocker, пока тот входил: в его программу %s, а значит, и в память, и в дескрипторы (CVE-2016-9962). PR_SET_DUMPABLE 0, до setns(2).", strings.TrimSpace(what))
		}
	}
	t.Mydocker("rm", "-f", "watched").Run()
	p.Wait()
}

const spyArg = "grade-spy"

// init is the spy's life, when this binary is started as one.
func init() {
	if len(os.Args) != 2 || os.Args[1] != spyArg {
		return
	}
	own := map[string]bool{"/bin/busybox": true, "/bin/spy": true}
	told := map[string]bool{}
	say := func(word string) {
		if !told[word] {
			told[word] = true
			fmt.Println(word)
		}
	}
	say("awake")
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); {
		all, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range all {
			if dir == "/proc/1" || dir == fmt.Sprintf("/proc/%d", os.Getpid()) {
				continue
			}
			exe, err := os.Readlink(dir + "/exe")
			switch {
			case err != nil:
			case own[exe]:
				say("sees " + exe)
			default:
				say("secret " + exe)
			}
		}
	}
	os.Exit(0)
}

func hexOf(t *grade.T, pid int, key string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(lineOf(t, pid, key), 16, 64)
	if err != nil {
		t.Broken(err)
	}
	return n
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
