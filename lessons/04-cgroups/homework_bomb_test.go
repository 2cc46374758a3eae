package main_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

const (
	bombArg   = "grade-bomb"
	bombSize  = 100 // what the bomb grows to where nothing stops it: enough to see, and no more
	bombLimit = 32
)

// checkBomb: the attacks of the lesson, through mydocker.
func checkBomb(t *grade.T) {
	rootfs := makeRootfs(t)
	exe, err := os.Executable()
	if err != nil {
		t.Broken(err)
	}
	copyFile(t, exe, filepath.Join(rootfs, "bin", "attack"))
	goesOff(t, exe)
	held(t, rootfs)
	keepsItsLimit(t, rootfs)
}

// goesOff: without a limit the bomb does what bombs do, or its failure would say nothing.
func goesOff(t *grade.T, exe string) {
	t.Helper()
	g := group(top + "/grade-bomb")
	if err := os.Mkdir(string(g), 0o755); err != nil {
		t.Broken(err)
	}
	dir, err := os.Open(string(g))
	if err != nil {
		t.Broken(err)
	}
	defer dir.Close()
	cmd := exec.Command(exe, bombArg, strconv.Itoa(bombSize))
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	if err := cmd.Start(); err != nil {
		t.Broken(err)
	}
	grown := t.Eventually(patience, func() bool { n, _ := strconv.Atoi(g.read("pids.current")); return n >= bombSize })
	os.WriteFile(string(g)+"/cgroup.kill", []byte("1"), 0)
	cmd.Wait()
	if !t.Eventually(patience, func() bool { return os.Remove(string(g)) == nil }) {
		t.Broken(fmt.Errorf("rmdir %s", g))
	}
	if !grown {
		t.Broken(fmt.Errorf("the bomb did not go off where nothing stops it"))
	}
}

// held: in a container with --pids it grows to the limit; the machine answers, the container
// goes on, and one command ends it.
func held(t *grade.T, rootfs string) {
	t.Helper()
	s := sample{[]string{"/bin/attack", bombArg, strconv.Itoa(bombSize)}}
	p := t.Mydocker(s.run("--rootfs", rootfs, "--name", "bomb", "--pids", strconv.Itoa(bombLimit))...).Start()
	pid := s.find(t, p)
	g := ownGroup(t, pid)
	// pids.peak, and not pids.current: the kernel adds the newcomer first and takes it back when
	// that was one too many, so at the limit now and then 33 is to be read there.
	most := 0
	t.Eventually(patience, func() bool {
		if n, err := strconv.Atoi(g.read("pids.peak")); err == nil {
			most = n
		}
		return most > bombLimit || g.field("pids.events", "max") > 200 || p.Ended()
	})
	if most == 0 && !p.Ended() {
		t.Broken(fmt.Errorf("%s/pids.peak: %s", g, g.read("pids.peak")))
	}
	t.Saw("cat "+string(g)+"/pids.max", g.read("pids.max"))
	t.Saw("cat "+string(g)+"/pids.peak", strconv.Itoa(most))
	t.Saw("grep max pids.events", strconv.FormatInt(g.field("pids.events", "max"), 10))
	if most > bombLimit {
		t.Wrong("bomb-loose",
			"a fork bomb in a container with --pids %d has come to %d processes. See proof `contained`.",
			"fork-бомба в контейнере с --pids %d дошла до %d процессов. См. доказательство `contained`.", bombLimit, most)
	}
	for range 5 { // it burns on meanwhile
		if err := exec.Command("true").Run(); err != nil {
			t.Wrong("machine-starved",
				"a fork bomb burns in a container, and outside of it a program cannot be started: %v",
				"в контейнере горит fork-бомба, и снаружи не запустить программу: %v", err)
		}
	}
	if p.Ended() {
		res := p.Wait()
		t.Saw("mydocker run --pids 32 of the bomb", fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
		t.Wrong("init-died",
			"the container has ended because its processes were at their limit: process 1 is in the group, too, and a Go program that is refused a thread ends on the spot. See to it that it has the threads that it will want.",
			"контейнер кончился оттого, что процессов стало сколько разрешено: процесс 1 тоже в группе, а программа на Go, которой отказали в потоке, завершается на месте. Позаботьтесь, чтобы нужные ему потоки уже были.")
	}
	expectCode(t, t.Mydocker("kill", "bomb").Run(), 0, "mydocker kill of a container with a burning bomb")
	expectCode(t, p.Wait(), 137, "mydocker run of the bomb, killed")
	if g.exists() {
		t.Wrong("bomb-left",
			"the container with the bomb was killed, and its group is still there",
			"контейнер с бомбой убит, а его группа осталась")
	}
}

// keepsItsLimit: root in the container tries to lift its own limit, in every tree of cgroups
// that it can get at.
func keepsItsLimit(t *grade.T, rootfs string) {
	t.Helper()
	const lift = `IFS=: read -r _ _ here </proc/self/cgroup
mount -t cgroup2 none /tmp
for dir in /tmp "/tmp$here" /sys/fs/cgroup "/sys/fs/cgroup$here"; do echo max >"$dir/pids.max"; done 2>/dev/null; echo tried`
	p, pid := start(t, lift, "--rootfs", rootfs, "--pids", "20")
	g := ownGroup(t, pid)
	says(t, p, "tried")
	now := g.read("pids.max")
	t.Saw("root in the container has tried: echo max >pids.max; cat "+string(g)+"/pids.max", now)
	if now != "20" {
		t.Wrong("own-limit",
			"root in the container has lifted its own limit: pids.max was 20 and is %s. In a cgroup namespace whose root is the container's group, the kernel refuses that with EPERM. See proof `own-limit`.",
			"root в контейнере снял с себя предел: pids.max был 20, а стал %s. В пространстве имён cgroup, чей корень — группа контейнера, ядро отвечает на это EPERM. См. доказательство `own-limit`.", now)
	}
	end(p)
}

// init is the bomb's life, when this binary is started as one.
func init() {
	if len(os.Args) != 3 || os.Args[1] != bombArg {
		return
	}
	most, _ := strconv.Atoi(os.Args[2])
	// One counter for all of them, so that it goes out by itself where nothing stops it.
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		os.Exit(1)
	}
	// The first of them is a whole Go program. When its runtime interrupts it, which it does by
	// a signal, it may want one more thread; at the limit it is refused one, and the program
	// ends, and with it the container, as if mydocker had done something wrong.
	var all unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = math.MaxUint64
	}
	if unix.PthreadSigmask(unix.SIG_BLOCK, &all, nil) != nil {
		os.Exit(1)
	}
	burn((*atomic.Int32)(unsafe.Pointer(&page[0])), int32(most))
}

// burn is raw system calls in a loop, as in the lesson: whoever returns from clone(2) clones
// again.
func burn(count *atomic.Int32, most int32) {
	rest := unix.Timespec{Sec: int64(time.Hour / time.Second)}
	for {
		if count.Load() >= most {
			unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&rest)), 0, 0)
			continue
		}
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno == 0 && pid != 0 {
			count.Add(1)
		}
	}
}
