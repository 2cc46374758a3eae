package main_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkPivot: the container's root is the root of its mount namespace, nothing of the old
// one is left in it, and the host's own table stays as it was.
func checkPivot(t *grade.T) {
	rootfs := makeRootfs(t)
	contained(t, rootfs)
	before := mounts(os.Getpid())
	p, pid := start(t, "pwd", "--rootfs", rootfs)
	if link(pid, "ns/mnt") == link(os.Getpid(), "ns/mnt") {
		t.Wrong("ns-mnt",
			"the command is in our own mount namespace: CLONE_NEWNS is missing",
			"команда в нашем же пространстве имён монтирования: не хватает CLONE_NEWNS")
	}
	itsOwnFiles(t, pid)
	nothingOld(t, pid, before)
	atTheTop(t, pid)
	kernelsOwn(t, pid)
	if !says(t, p, "/\n") {
		t.Saw("pwd, in the container", orNothing(p.Stdout()))
		t.Wrong("cwd",
			"the command does not begin in /: after pivot_root the working directory is to be set anew, chdir(\"/\")",
			"команда начинает не в /: после pivot_root рабочий каталог надо задать заново, chdir(\"/\")")
	}
	end(p)
	if now := changes(before, mounts(os.Getpid())); now != "" {
		t.Wrong("mount-left",
			"the container is gone, and the host's mount table is not what it was: %s",
			"контейнера уже нет, а таблица монтирования хоста не та, что была: %s", now)
	}
}

// link is where a magic link of /proc leads: mnt:[4026531836]. "" when the process is gone.
func link(pid int, name string) string {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
	return target
}

// itsOwnFiles: the root that the command sees is the rootfs.
func itsOwnFiles(t *grade.T, pid int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/etc/motd", pid))
	t.Saw(fmt.Sprintf("cat /proc/%d/root/etc/motd", pid), orNothing(string(text)))
	if err != nil || string(text) != "of the image\n" {
		t.Wrong("other-root",
			"the root of the command is not the rootfs that was given with --rootfs: /etc/motd in it is not the rootfs's (%v)",
			"корень команды не тот rootfs, что указан в --rootfs: /etc/motd в нём другой (%v)", err)
	}
}

// atTheTop: the root of the namespace is the container's, and not only the command's.
func atTheTop(t *grade.T, pid int) {
	t.Helper()
	diary := filepath.Join(t.TempDir(), "diary")
	if err := os.WriteFile(diary, []byte("of the host"), 0o600); err != nil {
		t.Broken(err)
	}
	var seen error
	if err := fromTheTop(pid, func() error { _, seen = os.Lstat(diary); return nil }); err != nil {
		t.Broken(err)
	}
	if seen == nil {
		t.Saw(fmt.Sprintf("nsenter -m -t %d ls %s", pid, diary), diary)
		t.Wrong("chroot",
			"the command sees its own root, but the root of its mount namespace is still the host's: whoever enters the namespace finds the host's files, and root inside gets there as well. chroot(2) changes where one process stands; pivot_root(2) changes what there is. See proofs `chroot-namespace` and `chroot-escape`.",
			"команда видит свой корень, но корень её пространства монтирования по-прежнему хостовый: кто войдёт в это пространство, найдёт файлы хоста, и root изнутри тоже туда выйдет. chroot(2) меняет то, где стоит один процесс, а pivot_root(2) то, что вообще есть. См. доказательства `chroot-namespace` и `chroot-escape`.")
	}
}

// nothingOld: no mount of the host's is left in the container's table. Two kinds have one
// superblock for the whole machine, however often they are mounted.
func nothingOld(t *grade.T, pid int, host []mounted) {
	t.Helper()
	for _, m := range mounts(pid) {
		if m.fstype == "sysfs" || m.fstype == "cgroup2" || m.fstype == "devtmpfs" && m.root != "/" {
			continue
		}
		for _, h := range host {
			if m.device == h.device && m.root == h.root {
				t.Saw(fmt.Sprintf("/proc/%d/mountinfo", pid), m.String())
				t.Wrong("old-root",
					"a mount of the host is still in the container's table, at %s: after pivot_root the old root hangs in the new one until it is unmounted. umount2 with MNT_DETACH takes it with all that hangs on it. See proofs `pivot-dot` and `old-root-gone`.",
					"в таблице контейнера осталось монтирование хоста, в %s: после pivot_root старый корень висит в новом, пока его не отмонтируют. umount2 с MNT_DETACH снимет его вместе со всем, что на нём висит. См. доказательства `pivot-dot` и `old-root-gone`.", m.point)
			}
		}
		if m.shared {
			t.Saw(fmt.Sprintf("/proc/%d/mountinfo", pid), m.String()+" shared")
			t.Wrong("mount-leak",
				"%s in the container is a shared mount: what is mounted there may appear elsewhere",
				"%s в контейнере смонтирован как shared: то, что там смонтируют, может появиться в другом месте", m.point)
		}
	}
}

// kernelsOwn: /proc is the container's, /dev has the six nodes and not the host's disks.
func kernelsOwn(t *grade.T, pid int) {
	t.Helper()
	root := fmt.Sprintf("/proc/%d/root", pid)
	var fs unix.Statfs_t
	if err := unix.Statfs(root+"/proc", &fs); err != nil || fs.Type != unix.PROC_SUPER_MAGIC {
		t.Wrong("proc-none",
			"what the command has at /proc is no procfs (%v, type %#x): the new root begins without any",
			"на месте /proc у команды не procfs (%v, тип %#x): в новом корне его сначала нет", err, fs.Type)
	}
	theirs, _ := at(mounts(pid), "/proc")
	ours, _ := at(mounts(os.Getpid()), "/proc")
	if theirs.device == ours.device {
		t.Wrong("proc-old",
			"the command still has the host's /proc. See proof `proc-root`: it is a door to the host's root.",
			"у команды всё ещё /proc хоста. См. доказательство `proc-root`: это дверь в корень хоста.")
	}
	for name, number := range map[string]uint64{"null": unix.Mkdev(1, 3), "zero": unix.Mkdev(1, 5), "urandom": unix.Mkdev(1, 9)} {
		var st unix.Stat_t
		if err := unix.Stat(root+"/dev/"+name, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != number {
			t.Wrong("dev",
				"/dev/%s of the container is not the character device that it should be (%v). See proof `devices`.",
				"/dev/%s контейнера не то символьное устройство, каким должно быть (%v). См. доказательство `devices`.", name, err)
		}
	}
	nodes, err := os.ReadDir(root + "/dev")
	if err != nil {
		t.Broken(err)
	}
	for _, node := range nodes {
		if node.Type()&os.ModeDevice != 0 && node.Type()&os.ModeCharDevice == 0 {
			t.Wrong("dev-disk",
				"the container has the host's disk: /dev/%s. Its /dev is to be a tmpfs of its own with the few nodes that a program needs.",
				"у контейнера есть диск хоста: /dev/%s. Его /dev должен быть своей tmpfs с немногими узлами, которые нужны программам.", node.Name())
		}
	}
}

// contained ends the task if mydocker's mounts reach the host. It is tried once, in a copy
// of the mount table that is shared as a machine's usually is: a leak on the host itself
// would blind the checks.
func contained(t *grade.T, rootfs string) {
	t.Helper()
	once.Do(func() { leaked, leakErr = leaks(rootfs) })
	if leakErr != nil {
		t.Broken(leakErr)
	}
	if leaked != "" {
		t.Saw("/proc/self/mountinfo on the host, after mydocker run true", leaked)
		t.Wrong("mount-leak",
			"what mydocker mounted in the container appeared on the host as well: %s. The new mount table is a copy whose mounts are still joined to the host's. Before any other mount make them private: MS_REC|MS_PRIVATE on \"/\". See proofs `mount-inside` and `propagation`.",
			"то, что mydocker смонтировал в контейнере, появилось и на хосте: %s. Новая таблица монтирования лишь копия, и её точки ещё связаны с точками хоста. Прежде чем монтировать, сделайте их частными: MS_REC|MS_PRIVATE на \"/\". См. доказательства `mount-inside` и `propagation`.", leaked)
	}
}

var (
	once    sync.Once
	leaked  string
	leakErr error
)

func leaks(rootfs string) (string, error) {
	root, err := os.MkdirTemp("", "mydocker-contained-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	cmd := exec.Command("sh", "-c", `mount --make-rshared / && echo && read go && "$0" run --rootfs "$1" true </dev/null >/dev/null 2>&1; echo; read go`, os.Getenv("MYDOCKER"), rootfs)
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
}

// field tells whether a comma-separated list has a word.
func field(list, word string) bool { return strings.Contains(","+list+",", ","+word+",") }
