package main_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkStranger: the lesson's attack, through mydocker. The same program is run first
// without it, where it must succeed, or its failure would say nothing.
func checkStranger(t *grade.T) {
	contained(t)
	v := newVictim(t)
	defer v.end()
	if got := v.attackedBy(t, nil); got.failed() {
		t.Broken(fmt.Errorf("the attack does not work without mydocker: %+v", got))
	}
	got := v.attackedBy(t, t.Mydocker)
	for _, question := range []struct{ ask, answer string }{
		{"kill(victim, SIGCONT)", got.Kill}, {"process_vm_readv(victim)", got.Read},
		{"shmget(the victim's key)", got.Shm}, {"open(the victim's queue in /dev/mqueue)", got.Queue},
		{"grep the victim's token /proc/*/environ", got.Scan}, {"the same after umount /proc", got.Under},
	} {
		t.Saw(question.ask, orNothing(question.answer))
	}
	switch {
	case got.Kill != "no such process":
		t.Wrong("kill",
			"a command in a container has sent a signal to a process outside: kill(2) finds it by its number, %d. In a PID namespace of its own the answer is ESRCH; here it is %q. See proof `kill-stranger`.",
			"команда в контейнере послала сигнал процессу снаружи: kill(2) нашёл его по номеру %d. В своём пространстве PID ответ ESRCH, а здесь %q. См. доказательство `kill-stranger`.", v.pid, orNothing(got.Kill))
	case got.Read != "no such process":
		t.Wrong("read",
			"a command in a container has read the memory of process %d outside: process_vm_readv(2) answers %q, not ESRCH. See proof `read-stranger`.",
			"команда в контейнере прочла память процесса %d снаружи: process_vm_readv(2) отвечает %q, а не ESRCH. См. доказательство `read-stranger`.", v.pid, orNothing(got.Read))
	case got.Shm == "":
		t.Wrong("shm",
			"a command in a container has found the System V shared memory of a process outside, by its key. CLONE_NEWIPC gives it other keys. See proof `shm`.",
			"команда в контейнере нашла разделяемую память System V процесса снаружи, по ключу. CLONE_NEWIPC даёт ей другие ключи. См. доказательство `shm`.")
	case strings.HasPrefix(got.Scan, "/proc/1/"):
		t.Wrong("init-environ",
			"the secret of mydocker's caller lies in the container, in %s: process 1 was started with the caller's environment, and anybody inside may read it. Set cmd.Env for process 1 too.",
			"секрет того, кто вызвал mydocker, лежит в контейнере, в %s: процесс 1 запущен с окружением вызвавшего, и внутри его прочтёт любой. Задайте cmd.Env и для процесса 1.", got.Scan)
	case got.Scan != "":
		t.Wrong("proc-old",
			"a command in a container reads a stranger's secret in %s. By number it cannot reach it, but the /proc it sees is the host's, where paths still lead there. See proof `old-proc`.",
			"команда в контейнере читает чужой секрет в %s. По номеру ей не дотянуться, но /proc у неё от хоста, и пути в нём по-прежнему ведут туда. См. доказательство `old-proc`.", got.Scan)
	case got.Under != "":
		t.Wrong("proc-under",
			"root in the container has unmounted /proc, and below it lay the host's: %s. A mount covers what was there, it does not remove it. Unmount the old ones (MNT_DETACH) before you mount your own.",
			"root в контейнере отмонтировал /proc, а под ним лежал хостовый: %s. Монтирование закрывает то, что было, но не убирает. Сначала отмонтируйте старые (MNT_DETACH), потом монтируйте свой.", got.Under)
	case got.Queue == "":
		t.Wrong("mqueue",
			"a command in a container opens a POSIX queue of the host in /dev/mqueue. Like a procfs, that file system shows the namespace of whoever mounted it: mount a new one over the old one's place. See proof `mqueue`.",
			"команда в контейнере открывает в /dev/mqueue очередь POSIX хоста. Эта файловая система, как и procfs, показывает пространство того, кто её смонтировал: на место старой смонтируйте новую. См. доказательство `mqueue`.")
	}
}

// A victim is a process outside with a secret in its environment, a key and a queue.
type victim struct {
	pid   int
	token string
	at    uint64 // where in its memory the environment begins
	key   int
	queue string // "" if this machine has no /dev/mqueue
	end   func() // it is not left behind
}

func newVictim(t *grade.T) victim {
	// A number that is certainly none in a container: there they begin at 1.
	if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte("20000"), 0); err != nil {
		t.Broken(err)
	}
	v := victim{token: rand.Text()}
	cmd := exec.Command("sleep", "600")
	cmd.Env = []string{"TOKEN=" + v.token}
	if err := cmd.Start(); err != nil {
		t.Broken(err)
	}
	v.end = func() { cmd.Process.Kill(); cmd.Wait() }
	v.pid = cmd.Process.Pid

	// execve(2) is not over when Start returns: the environment comes a moment later.
	if !t.Eventually(patience, func() bool { v.at = environmentOf(v.pid, v.token); return v.at != 0 }) {
		t.Broken(fmt.Errorf("/proc/%d/environ has no TOKEN", v.pid))
	}

	v.key = 0x6d790000 + v.pid
	id, err := unix.SysvShmGet(v.key, 4096, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	if err != nil {
		t.Broken(fmt.Errorf("shmget(%#x): %w", v.key, err))
	}
	t.Cleanup(func() { unix.SysvShmCtl(id, unix.IPC_RMID, nil) })

	queue := "/dev/mqueue/" + v.token
	f2, err := os.OpenFile(queue, os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		f2.Close()
		v.queue = queue
		t.Cleanup(func() { os.Remove(queue) })
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Broken(err)
	}
	return v
}

// environmentOf is where in its memory the environment of a process begins: field 50 of
// /proc/PID/stat (proc_pid_stat(5)). 0 as long as the token is not in it.
func environmentOf(pid int, token string) uint64 {
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // f[0] is field 3
	if !bytes.HasPrefix(environ, []byte("TOKEN="+token)) || len(f) < 50-2 {
		return 0
	}
	at, _ := strconv.ParseUint(f[50-3], 10, 64)
	return at
}

// A loot is what the attack brought, an answer of the kernel each. For a call "" means that
// it succeeded; for a search, that it found nothing.
type loot struct {
	Kill, Read, Shm, Queue string
	Scan, Under            string
}

func (l loot) failed() bool { return l.Kill+l.Read+l.Shm+l.Queue != "" || l.Scan == "" }

const strangerArg = "grade-stranger"

// attackedBy runs the attack: by itself when mydocker is nil. What carries it has the
// victim's token in its environment, too: mydocker's caller has the same secret.
func (v victim) attackedBy(t *grade.T, mydocker func(...string) *grade.Cmd) (got loot) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Broken(err)
	}
	args := []string{exe, strangerArg, strconv.Itoa(v.pid), strconv.FormatUint(v.at, 10), v.token, strconv.Itoa(v.key), v.queue, ""}
	if mydocker != nil {
		args[7] = link(os.Getpid(), "ns/mnt") // where it must not unmount: that would blind us
	}
	if mydocker != nil {
		res := mydocker(append([]string{"run"}, args...)...).Env("TOKEN=" + v.token).Run()
		expectCode(t, res, 0, "mydocker run of the attack, which reports what it got")
		t.Report(res.Stdout, &got)
		return got
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // it unmounts
	out, err := cmd.Output()
	if err = errors.Join(err, json.Unmarshal(out, &got)); err != nil {
		t.Broken(fmt.Errorf("the attack's report: %w: %s", err, out))
	}
	return got
}

// init is the attacker's life, when this binary is started as one.
func init() {
	if len(os.Args) != 8 || os.Args[1] != strangerArg {
		return
	}
	pid, _ := strconv.Atoi(os.Args[2])
	at, _ := strconv.ParseUint(os.Args[3], 10, 64)
	token, queue := os.Args[4], os.Args[6]
	key, _ := strconv.Atoi(os.Args[5])
	var got loot
	got.Kill = said(unix.Kill(pid, unix.SIGCONT))

	buf := make([]byte, len("TOKEN=")+len(token))
	_, err := unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &buf[0], Len: uint64(len(buf))}},
		[]unix.RemoteIovec{{Base: uintptr(at), Len: len(buf)}}, 0)
	if err == nil && string(buf) != "TOKEN="+token {
		err = errors.New("something else is there")
	}
	got.Read = said(err)

	_, err = unix.SysvShmGet(key, 4096, 0)
	got.Shm = said(err)
	if queue != "" {
		_, err = os.Open(queue)
		got.Queue = said(err)
	}
	if queue == "" && os.Getpid() < pid { // in a container, of a machine without queues
		got.Queue = "no /dev/mqueue"
	}

	got.Scan = holderOf(token)
	ours, _ := os.Readlink("/proc/self/ns/mnt")
	for ours != "" && ours != os.Args[7] && unix.Unmount("/proc", unix.MNT_DETACH) == nil && got.Under == "" {
		got.Under = holderOf(token)
	}
	json.NewEncoder(os.Stdout).Encode(got)
	os.Exit(0)
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// holderOf finds a process that has the token in its environment.
func holderOf(token string) string {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), token) {
			return path
		}
	}
	return ""
}
