package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkBorn: the container is in its group from its first instruction on, with all its
// processes and nobody else, sees it as the root of the tree, and the group goes with it.
func checkBorn(t *grade.T) {
	rootfs := makeRootfs(t)
	options := mountOptions()
	tr := watchMoves(t)
	before := groups()

	// Three generations, the last an orphan.
	p, pid := start(t, "sleep 600 & (sleep 600 & exec sleep 600) & echo up", "--rootfs", rootfs, "--name", "first", "--pids", "50")
	g := ownGroup(t, pid)
	says(t, p, "up")
	notMoved(t, tr, g)
	everybodyInside(t, pid, g)
	rootOfItsOwn(t, pid)

	// Another one beside it, in the background, and nothing asked for.
	s := script(t, ":")
	expectCode(t, t.Mydocker(s.run("--rootfs", rootfs, "-d", "--name", "second")...).Run(), 0, "mydocker run -d")
	other := s.find(t, nil)
	h := ownGroup(t, other)
	if g == h {
		t.Wrong("group-shared",
			"two containers are in one group, %s: they share one limit, and one bill. The path is to be derived from the container's id.",
			"два контейнера сидят в одной группе, %s: у них один предел и один счёт. Путь должен выводиться из id контейнера.", g)
	}
	notMoved(t, tr, h)
	goesWithIt(t, p, g, h, before, rootfs)
	if now := mountOptions(); now != options {
		t.Saw("the options of "+top+", before and now", options+"\n"+now)
		t.Wrong("nsdelegate-lost",
			"the options of the host's %s are not what they were: %s. They are one for the whole machine: whoever mounts cgroup2 in the initial cgroup namespace sets them for all. Mount it inside, in the new namespace.",
			"опции монтирования %s на хосте уже не те: %s. Они одни на всю машину: кто монтирует cgroup2 в начальном пространстве имён cgroup, меняет их всем. Монтируйте внутри, в новом пространстве.", top, now)
	}
}

// notMoved: the kernel has moved nobody into the group.
func notMoved(t *grade.T, tr moves, g group) {
	t.Helper()
	path := strings.TrimPrefix(string(g), top)
	for _, line := range tr.read(t) {
		if !strings.Contains(line, "dst_path="+path+" ") && !strings.Contains(line, "dst_path="+path+"/") {
			continue
		}
		t.Saw("the kernel's tracepoint cgroup:cgroup_attach_task", line[strings.Index(line, "dst_path="):])
		t.Wrong("moved",
			"a process was moved into the container's group: it had begun outside of it, and what it took and started there is on nobody's bill. Let it be born in the group: SysProcAttr.UseCgroupFD, that is clone3(2) with CLONE_INTO_CGROUP. See proof `start-then-move`.",
			"процесс перенесли в группу контейнера: он начался снаружи, и что он там взял и запустил, не на счету ни у кого. Пусть он в группе родится: SysProcAttr.UseCgroupFD, то есть clone3(2) с CLONE_INTO_CGROUP. См. доказательство `start-then-move`.")
	}
}

// everybodyInside: the whole container is in the group.
func everybodyInside(t *grade.T, pid int, g group) {
	t.Helper()
	inside := processesIn(pid)
	for _, one := range inside {
		if at := groupOf(one); at != "" && at != g && !strings.HasPrefix(string(at), string(g)+"/") {
			t.Saw(fmt.Sprintf("cat /proc/%d/cgroup", one), strings.TrimPrefix(string(at), top))
			t.Wrong("outside",
				"process %d of the container is in another group, %s: the limits of %s are not for it",
				"процесс %d контейнера сидит в другой группе, %s: пределы группы %s его не касаются", one, at, g)
		}
	}
	if len(inside) < 2 {
		t.Broken(fmt.Errorf("the container has %d processes in /proc", len(inside)))
	}
}

// rootOfItsOwn: a cgroup namespace, made when the process was in the group.
func rootOfItsOwn(t *grade.T, pid int) {
	t.Helper()
	if link(pid, "ns/cgroup") == link(os.Getpid(), "ns/cgroup") {
		t.Saw(fmt.Sprintf("readlink /proc/%d/ns/cgroup", pid), link(pid, "ns/cgroup"))
		t.Wrong("ns-cgroup",
			"the container is in our own cgroup namespace: it reads the host's paths, and may write to its own limit. CLONE_NEWCGROUP is missing. See proofs `cgroup-namespace` and `own-limit`.",
			"контейнер в нашем же пространстве имён cgroup: он читает пути хоста и может переписать собственный предел. Не хватает CLONE_NEWCGROUP. См. доказательства `cgroup-namespace` и `own-limit`.")
	}
	var seen string
	err := inCgroupNamespace(pid, func() error {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		seen = strings.TrimSpace(string(text))
		return err
	})
	if err != nil {
		t.Broken(err)
	}
	t.Saw("cat /proc/self/cgroup, in the container's cgroup namespace", seen)
	if seen != "0::/" {
		t.Wrong("ns-cgroup-early",
			"in its own cgroup namespace the container reads %s of itself, and not 0::/: the namespace was made before the process was in its group. Its root is the group of who makes it, at that moment.",
			"в своём пространстве имён cgroup контейнер читает о себе %s, а не 0::/: пространство создано раньше, чем процесс оказался в группе. Корнем становится та группа, где в этот миг находится создатель.", seen)
	}
}

// inCgroupNamespace calls fn in the cgroup namespace of a process.
func inCgroupNamespace(pid int, fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is elsewhere, and ends with us
		done <- func() error {
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/cgroup", pid))
			if err != nil {
				return err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWCGROUP); err != nil {
				return fmt.Errorf("setns(%s): %w", ns.Name(), err)
			}
			return fn()
		}()
	}()
	return <-done
}

// goesWithIt: no group is left, however the container ended.
func goesWithIt(t *grade.T, p *grade.Process, g, h group, before []string, rootfs string) {
	t.Helper()
	end(p)
	if g.exists() {
		t.Saw("cat "+string(g)+"/cgroup.events", g.read("cgroup.events"))
		t.Wrong("group-left",
			"the container has ended, its mydocker as well, and its group is still there. rmdir(2), and again if it says EBUSY: a process that is dying is there for a moment yet.",
			"контейнер завершился, его mydocker тоже, а группа осталась. rmdir(2), и ещё раз, если он ответил EBUSY: умирающий процесс ещё мгновение на месте.")
	}
	expectCode(t, t.Mydocker("kill", "second").Run(), 0, "mydocker kill")
	if !t.Eventually(patience, func() bool { return !h.exists() }) {
		t.Wrong("group-left",
			"a container in the background was killed, and its group is still there",
			"контейнер в фоне убит, а его группа осталась")
	}
	// Nobody to clean up: the supervisor dies of SIGKILL, and rm comes later.
	q, pid := start(t, ":", "--rootfs", rootfs, "--name", "third", "--memory", "50M")
	g = ownGroup(t, pid)
	q.Signal(unix.SIGKILL)
	q.Wait()
	t.Eventually(patience, func() bool { return g.field("cgroup.events", "populated") != 1 })
	expectCode(t, t.Mydocker("rm", "third").Run(), 0, "mydocker rm")
	if g.exists() {
		t.Wrong("group-left-rm",
			"mydocker was killed with SIGKILL, and so could not remove the group; mydocker rm has removed the container and left the group. Its path is derived from the id, so that rm finds it.",
			"mydocker убит SIGKILL и убрать группу не мог; mydocker rm убрал контейнер, а группу оставил. Путь к ней для того и выводится из id, чтобы rm её нашёл.")
	}
	expectCode(t, t.Mydocker("run", "--rootfs", rootfs, "--memory", "50M", "/no/such/command").Run(), 127, "mydocker run /no/such/command")
	parents := []string{filepath.Dir(string(g)), filepath.Dir(filepath.Dir(string(g)))}
	left := slices.DeleteFunc(groups(), func(g string) bool { return slices.Contains(before, g) || slices.Contains(parents, g) })
	if len(left) > 0 {
		t.Saw("find "+top+" -type d, what is new", strings.Join(left, " "))
		t.Wrong("group-left-failed",
			"a command that does not exist was not started, and a group has remained of it: %s. Acquire, then register the undo on the next line.",
			"несуществующая команда не запустилась, а группа от неё осталась: %s. Взяли — следующей строкой записали, как вернуть.", left[0])
	}
}

// mountOptions are those of the host's tree of cgroups: of the superblock, where nsdelegate is.
func mountOptions() string {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		first, last, _ := strings.Cut(line, " - ")
		if f, g := strings.Fields(first), strings.Fields(last); len(f) > 4 && f[4] == top && len(g) > 2 {
			return g[2]
		}
	}
	return ""
}

// moves is a tracing instance of the kernel's that notes each process that is moved from one
// cgroup to another. To be born in a group is no move.
type moves struct{ dir string }

func watchMoves(t *grade.T) moves {
	t.Helper()
	at := filepath.Join(t.TempDir(), "tracing")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Broken(err)
	}
	if err := unix.Mount("none", at, "tracefs", 0, ""); err != nil {
		t.Broken(fmt.Errorf("mount(tracefs): %w", err))
	}
	t.Cleanup(func() { unix.Unmount(at, unix.MNT_DETACH) })
	tr := moves{filepath.Join(at, "instances", fmt.Sprintf("mydocker-%d", os.Getpid()))}
	if err := os.Mkdir(tr.dir, 0o700); err != nil {
		t.Broken(err)
	}
	t.Cleanup(func() { os.Remove(tr.dir) })
	if err := os.WriteFile(tr.dir+"/events/cgroup/cgroup_attach_task/enable", []byte("1"), 0); err != nil {
		t.Broken(err)
	}
	return tr
}

// read is what was noted so far.
func (tr moves) read(t *grade.T) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(tr.dir + "/trace")
	if err != nil {
		t.Broken(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "cgroup_attach_task:") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}
