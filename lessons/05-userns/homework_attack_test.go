package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// attacks are those of the lesson, with what the kernel has to answer to root of a container
// that is nobody outside, and what it means if it does not.
var attacks = []struct {
	name, what string
	errno      unix.Errno
	proof      string
}{
	{"shadow", "cat of the host's /etc/shadow, given by -v", unix.EACCES, "shadow"},
	{"sysctl", "remount /proc/sys writable, open /proc/sys/vm/swappiness for writing", unix.EACCES, "sysctl"},
	{"mknod", "mknod of a block device", unix.EPERM, "mknod"},
	{"left-node", "open a disk's node, mode 0600, in a folder given by -v", unix.EACCES, "left-node"},
}

// A rootfs that is handed to the child is a folder of the host, held open. Whoever in the
// container still has it goes up from there.
const descriptor = "descriptor"

// checkAttack: the attacks of the lesson, through mydocker. The same program is run first
// by the host's root, where each must succeed, or its failure would say nothing.
func checkAttack(t *grade.T) {
	rootfs := makeRootfs(t)
	exe, err := os.Executable()
	if err != nil {
		t.Broken(err)
	}
	copyFile(t, exe, filepath.Join(rootfs, "bin", "attack"))
	dev := leftNodes(t)
	diary := filepath.Join(publicDir(t), "diary")
	if err := os.WriteFile(diary, []byte("of the host"), 0o644); err != nil {
		t.Broken(err)
	}
	folder, err := os.Open(rootfs)
	if err != nil {
		t.Broken(err)
	}
	defer folder.Close()

	control := exec.Command(exe, attackArg, "/etc/shadow", dev, diary)
	control.Dir = t.TempDir()
	control.ExtraFiles = []*os.File{folder}
	control.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // the remounts are nobody else's
	out, err := control.Output()
	if err != nil {
		t.Broken(fmt.Errorf("the attack by the host's root: %w: %s", err, out))
	}
	for name, answer := range report(t, out) {
		if answer != "ok" {
			t.Broken(fmt.Errorf("the attack %s does not succeed for the host's root: %s", name, answer))
		}
	}

	inside := []string{"--rootfs", rootfs, "-v", "/etc/shadow:/host/shadow", "-v", dev + ":/host/dev",
		"/bin/attack", attackArg, "/host/shadow", "/host/dev", diary}
	res := asRoot(t).mydocker(append([]string{"run", "--uid-map", "0:100000:65536", "--gid-map", "0:200000:65536"}, inside...)...).Run()
	expectCode(t, res, 0, "mydocker run of the attack, which reports what it got")
	var got map[string]string
	t.Report(res.Stdout, &got)
	keptInside(t, got)
	for _, a := range attacks {
		t.Saw(a.what, got[a.name])
	}
	for _, a := range attacks {
		switch got[a.name] {
		case unix.ErrnoName(a.errno):
		case "ok":
			t.Wrong(a.name,
				"root in the container succeeds: %s. To the kernel it is not nobody: it is still the host's root, or in one of its groups. See proof `%s`.",
				"root в контейнере добился своего: %s. Для ядра он не чужой: это всё ещё root хоста или член его группы. См. доказательство `%s`.", a.what, a.proof)
		default:
			t.Wrong("other-errno",
				"%s: the attack did not come as far as the user namespace. The kernel's answer was to be %s and is %s. See proof `%s`.",
				"%s: до user namespace атака не дошла. Ядро должно было ответить %s, а ответило %s. См. доказательство `%s`.", a.what, unix.ErrnoName(a.errno), got[a.name], a.proof)
		}
	}

	// An ordinary user's child is given its rootfs in another way.
	res = asStudent(t).mydocker(append([]string{"run"}, inside...)...).Run()
	expectCode(t, res, 0, "student: mydocker run of the attack, which reports what it got")
	var kept map[string]string
	t.Report(res.Stdout, &kept)
	keptInside(t, kept)
}

// keptInside: no process of the container has a folder of the host.
func keptInside(t *grade.T, got map[string]string) {
	t.Helper()
	if got[descriptor] == "ok" {
		t.Wrong(descriptor,
			"root in the container reads a file of the host through /proc/PID/fd: a process in there holds a folder of the host, and .. leads on from it. The descriptor by which the rootfs was handed in is to be closed as soon as the root is made. See proof `inherited-descriptor` of lesson 03.",
			"root в контейнере читает файл хоста через /proc/PID/fd: какой-то процесс внутри держит папку хоста, а .. ведёт из неё дальше. Дескриптор, по которому передали rootfs, надо закрыть, как только корень готов. См. доказательство `inherited-descriptor` урока 03.")
	}
}

// leftNodes is a folder with the node of a disk, where devices can be opened: /tmp is
// mounted nodev.
func leftNodes(t *grade.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var", "homework-")
	if err != nil {
		t.Broken(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	disk, err := firstDisk()
	err = errors.Join(err, os.Chmod(dir, 0o755),
		unix.Mknod(filepath.Join(dir, "disk"), unix.S_IFBLK|0o600, disk),
		unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR, int(unix.Mkdev(1, 3))),
		os.Chmod(filepath.Join(dir, "null"), 0o666))
	if err != nil {
		t.Broken(err)
	}
	return dir
}

// firstDisk is the numbers of the first disk of the machine.
func firstDisk() (int, error) {
	table, err := os.ReadFile("/proc/partitions")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(table)) {
		var major, minor uint32
		if n, _ := fmt.Sscan(line, &major, &minor); n == 2 {
			return int(unix.Mkdev(major, minor)), nil
		}
	}
	return 0, errors.New("/proc/partitions lists no disk")
}

func report(t *grade.T, out []byte) (got map[string]string) {
	t.Helper()
	if err := json.Unmarshal(out, &got); err != nil {
		t.Broken(fmt.Errorf("the attack's report: %w: %s", err, out))
	}
	return got
}

const attackArg = "grade-attack"

// init is the attacker's life, when this binary is started as one: it is root, in the
// container or not, and is given the places of a file, of a folder, and of a file that is
// outside of the container.
func init() {
	if len(os.Args) != 5 || os.Args[1] != attackArg {
		return
	}
	shadow, dev, diary := os.Args[2], os.Args[3], os.Args[4]
	got := map[string]string{}
	tell := func(name string, err error) {
		var errno unix.Errno
		switch {
		case err == nil:
			got[name] = "ok"
		case errors.As(err, &errno):
			got[name] = unix.ErrnoName(errno)
		default:
			got[name] = err.Error()
		}
	}
	_, err := os.ReadFile(shadow)
	tell("shadow", err)

	// Flags of a mount that somebody else has set, or that are in the way: off with them.
	unix.Mount("", "/proc/sys", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	tell("sysctl", opens("/proc/sys/vm/swappiness", os.O_WRONLY)) // opened is enough

	tell("mknod", unix.Mknod("disk", unix.S_IFBLK|0o600, int(unix.Mkdev(1, 0))))

	unix.Mount("", dev, "", unix.MS_REMOUNT|unix.MS_BIND, "")
	if err := opens(filepath.Join(dev, "null"), os.O_WRONLY); err != nil {
		tell("left-node", fmt.Errorf("not even null can be opened there: %s", err))
	} else {
		tell("left-node", opens(filepath.Join(dev, "disk"), os.O_RDONLY))
	}
	got[descriptor] = goesUp(diary)
	json.NewEncoder(os.Stdout).Encode(got)
	os.Exit(0)
}

// goesUp tries every folder that some process here holds open, and all that is above it.
func goesUp(diary string) string {
	doors, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, door := range doors {
		if pid := strings.Split(door, "/")[2]; pid != "1" && pid != fmt.Sprint(os.Getpid()) {
			continue // on the host there are too many
		}
		if os.Chdir(door) != nil {
			continue
		}
		for range 64 {
			if isBelow(diary) {
				return "ok"
			}
			if os.Chdir("..") != nil {
				break
			}
		}
	}
	return "none"
}

// isBelow looks for a file of the host from where we are. The top that one comes to may be a
// mount's: then the path begins with a later part.
func isBelow(path string) bool {
	parts := strings.Split(path, "/")
	for i := range parts {
		text, err := os.ReadFile(filepath.Join(".", filepath.Join(parts[i:]...)))
		if err == nil && string(text) == "of the host" {
			return true
		}
	}
	return false
}

func opens(path string, flag int) error {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	return f.Close()
}
