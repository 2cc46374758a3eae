package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkEscape: the attacks of the lesson, through mydocker. The same program is run first
// in a plain chroot, where it must get out, or its failure would say nothing.
func checkEscape(t *grade.T) {
	rootfs := makeRootfs(t)
	contained(t, rootfs)
	exe, err := os.Executable()
	if err != nil {
		t.Broken(err)
	}
	copyFile(t, exe, filepath.Join(rootfs, "bin", "attack"))
	diary := filepath.Join(t.TempDir(), "diary")
	if err := os.WriteFile(diary, []byte("of the host"), 0o644); err != nil {
		t.Broken(err)
	}
	// Without O_CLOEXEC, as a shell opens a descriptor for its commands: 9</.
	folder, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Broken(err)
	}
	defer unix.Close(folder)

	got := chrooted(t, rootfs, diary)
	if got.Chroot == "" || got.Descriptor == "" || got.Proc == "" {
		t.Broken(fmt.Errorf("the attack does not get out of a plain chroot: %+v", got))
	}
	res := t.Mydocker("run", "--rootfs", rootfs, "/bin/attack", escapeArg, diary).Run()
	expectCode(t, res, 0, "mydocker run of the attack, which reports what it got")
	got = escaped{}
	t.Report(res.Stdout, &got)
	t.Saw("the attack's report", res.Stdout)
	switch {
	case got.Path != "":
		t.Wrong("host-file",
			"a command in the container reads a file of the host, %s: it has the host's tree. See proof `host-file`.",
			"команда в контейнере читает файл хоста %s: у неё дерево хоста. См. доказательство `host-file`.", got.Path)
	case got.Descriptor != "":
		t.Wrong("descriptor",
			"a folder of the host was open in mydocker's caller, and is open in the container: through %s the command reads the host's files. The old root is detached, and lives as long as somebody holds it. close_range(2) with CLOSE_RANGE_CLOEXEC, before the command. See proof `inherited-descriptor`.",
			"у вызвавшего mydocker была открыта папка хоста, и в контейнере она тоже открыта: через %s команда читает файлы хоста. Старый корень отцеплен, но живёт, пока его кто-то держит. close_range(2) с CLOSE_RANGE_CLOEXEC, перед командой. См. доказательство `inherited-descriptor`.", got.Descriptor)
	case got.Chroot != "":
		t.Wrong("chroot-escape",
			"root in the container got out by a second chroot(2): a folder kept open, chroot to another, fchdir back, and up. That works where the root is a mark on the process; pivot_root(2) leaves nothing to climb to. See proof `chroot-escape`.",
			"root в контейнере вышел через второй chroot(2): оставил открытой папку, сделал chroot в другую, вернулся через fchdir и поднялся наверх. Так бывает, когда корень лишь пометка у процесса; после pivot_root(2) подниматься некуда. См. доказательство `chroot-escape`.")
	case got.Proc != "":
		t.Wrong("proc-root",
			"a command in the container reads the host's files through %s: the root of another process, in a /proc that shows the host. See proof `proc-root`.",
			"команда в контейнере читает файлы хоста через %s: корень чужого процесса в /proc, который показывает хост. См. доказательство `proc-root`.", got.Proc)
	case got.Sysctl != "":
		t.Wrong("proc-sys",
			"root in the container can write %s: that switch is the kernel's, and so the host's. /proc/sys is to be mounted read-only over itself. See proof `proc-sys`.",
			"root в контейнере может писать в %s: этот переключатель принадлежит ядру, а значит, хосту. /proc/sys надо смонтировать поверх себя только для чтения. См. доказательство `proc-sys`.", got.Sysctl)
	}
}

// chrooted runs the attack in what looks like a container and is a chroot, with a /proc of
// the host.
func chrooted(t *grade.T, rootfs, diary string) (got escaped) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(rootfs, "proc"), 0o755); err != nil {
		t.Broken(err)
	}
	defer os.Remove(filepath.Join(rootfs, "proc"))
	cmd := exec.Command("sh", "-c", `mount -t proc proc "$0/proc" && exec chroot "$0" /bin/attack "$@"`, rootfs, escapeArg, diary)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // the mount is nobody else's
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err = errors.Join(err, json.Unmarshal(out, &got)); err != nil {
		t.Broken(fmt.Errorf("the attack in a plain chroot: %w: %s", err, out))
	}
	return got
}

// An escaped is what the attack brought: the way on which it reached the diary, or "".
type escaped struct{ Path, Descriptor, Proc, Sysctl, Chroot string }

const escapeArg = "grade-escape"

// init is the attacker's life, when this binary is started as one.
func init() {
	if len(os.Args) != 3 || os.Args[1] != escapeArg {
		return
	}
	diary := os.Args[2]
	var got escaped
	if reads(diary) {
		got.Path = diary
	}
	for fd := 3; fd < 256; fd++ {
		if unix.Fchdir(fd) == nil && reads("."+diary) {
			got.Descriptor = fmt.Sprintf("descriptor %d", fd)
		}
	}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		for _, door := range []string{"/root", "/cwd"} {
			if got.Proc == "" && reads(dir+door+diary) {
				got.Proc = dir + door
			}
		}
	}
	const sysctl = "/proc/sys/vm/swappiness"
	if f, err := os.OpenFile(sysctl, os.O_WRONLY, 0); err == nil { // opened is enough
		f.Close()
		got.Sysctl = sysctl
	}
	got.Chroot = climbs(diary)
	json.NewEncoder(os.Stdout).Encode(got)
	os.Exit(0)
}

func reads(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && string(text) == "of the host"
}

// climbs is the classic way out of a chroot.
func climbs(diary string) string {
	unix.Chdir("/")
	here, err := unix.Open(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return ""
	}
	inner := "/escape-" + strconv.Itoa(os.Getpid())
	if unix.Mkdir(inner, 0o700) != nil {
		return ""
	}
	defer unix.Rmdir(inner)
	if unix.Chroot(inner) != nil || unix.Fchdir(here) != nil {
		return ""
	}
	unix.Rmdir("." + inner)
	for range 64 {
		unix.Chdir("..")
	}
	if unix.Chroot(".") != nil || !reads(diary) {
		return ""
	}
	return strings.TrimPrefix(diary, "/")
}
