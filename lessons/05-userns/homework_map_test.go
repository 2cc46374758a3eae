package main_test

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkMap: root gives a container two maps, and the process in it is what they say.
func checkMap(t *grade.T) {
	rootfs := makeRootfs(t)
	c := asRoot(t)
	p, pid := c.start("echo up", "--uid-map", "0:100000:65536", "--gid-map", "0:200000:65536", "--rootfs", rootfs)
	says(t, p, "up")
	ownUserNamespace(t, pid)
	mapped(t, pid, "uid_map", "0 100000 65536")
	mapped(t, pid, "gid_map", "0 200000 65536")
	for _, who := range []struct {
		pid  int
		name string
	}{{pid, "the command"}, {number(pid, "PPid"), "process 1 of the container"}} {
		nobodyOutside(t, who.pid, who.name)
		capable(t, who.pid)
	}
	for _, kind := range []string{"uts", "pid", "ipc", "mnt"} {
		ownedByIts(t, pid, kind)
	}
	end(p)

	// Several lines, none of them for a page of the other; and neighbours do not overlap.
	p, pid = c.start("echo up", "--uid-map", "10:300000:5", "--uid-map", "0:100000:10", "--gid-map", "0:200000:10", "--gid-map", "10:200010:1", "--rootfs", rootfs)
	mapped(t, pid, "uid_map", "10 300000 5, 0 100000 10")
	mapped(t, pid, "gid_map", "0 200000 10, 10 200010 1")
	end(p)

	// One of the two flags stands for both: a container without groups can do nothing.
	p, pid = c.start("echo up", "--uid-map", "0:100000:65536", "--rootfs", rootfs)
	mapped(t, pid, "gid_map", "0 100000 65536")
	end(p)

	p, pid = c.start("echo up", "--rootfs", rootfs)
	if link(pid, "ns/user") != link(os.Getpid(), "ns/user") {
		t.Wrong("unasked",
			"root has asked for no map, and the container has a user namespace of its own: it is to stay as it was in lesson 04",
			"root карты не просил, а у контейнера своё user namespace: всё должно остаться как в уроке 04")
	}
	end(p)
}

func ownUserNamespace(t *grade.T, pid int) {
	t.Helper()
	ours, theirs := link(os.Getpid(), "ns/user"), link(pid, "ns/user")
	if ours == theirs {
		t.Saw(fmt.Sprintf("readlink /proc/%d/ns/user", pid), theirs)
		t.Wrong("ns-user",
			"the command is in our own user namespace: CLONE_NEWUSER is missing",
			"команда в нашем же user namespace: не хватает CLONE_NEWUSER")
	}
}

// mapped: the map is there, as a whole.
func mapped(t *grade.T, pid int, name, want string) {
	t.Helper()
	got := idMap(pid, name)
	if got == want {
		return
	}
	t.Saw(fmt.Sprintf("cat /proc/%d/%s", pid, name), orNothing(got))
	if got == "" {
		t.Wrong("no-"+name[:3]+"-map",
			"%s of the command is empty: in there every id is 65534, and it can become nobody. See proof `overflow`.",
			"%s у команды пуст: все идентификаторы там 65534, и стать нельзя никем. См. доказательство `overflow`.", name)
	}
	t.Wrong("map-differs",
		"%s of the command is %q, and it was to be %q",
		"%s у команды %q, а должен быть %q", name, got, want)
}

// nobodyOutside: the process is 0 inside and 100000 outside, with groups to match.
func nobodyOutside(t *grade.T, pid int, name string) {
	t.Helper()
	uid, gid, groups := field(pid, "Uid"), field(pid, "Gid"), field(pid, "Groups")
	if uid != "100000 100000 100000 100000" || gid != "200000 200000 200000 200000" {
		t.Saw(fmt.Sprintf("grep id /proc/%d/status", pid), "Uid: "+uid+", Gid: "+gid)
		t.Wrong("still-root",
			"%s is in its user namespace, and outside it is still user %s, group %s: a map gives numbers and changes nobody. After the map and before execve(2) it has to become 0 inside. See proof `still-root`.",
			"%s: user namespace уже своё, но снаружи это по-прежнему пользователь %s, группа %s. Карта даёт номера и никого не меняет: после карты и до execve(2) надо стать 0 внутри. См. доказательство `still-root`.", name, uid, gid)
	}
	// 200000 itself is no more than Gid says.
	if groups != "" && groups != "200000" {
		t.Saw(fmt.Sprintf("grep Groups /proc/%d/status", pid), groups)
		t.Wrong("groups-kept",
			"%s still has supplementary groups of whoever called mydocker: %s. Inside they are 65534; for the kernel they are what they were, and open files to which these groups have access. setgroups(2) drops them, while it is still allowed: in Go, Credential together with GidMappingsEnableSetgroups.",
			"%s: остались дополнительные группы того, кто вызвал mydocker: %s. Внутри они видны как 65534, а для ядра это те же группы, и файлы, доступные им, открыты. Их снимает setgroups(2), пока это разрешено: в Go это Credential вместе с GidMappingsEnableSetgroups.", name, groups)
	}
}

// capable: root inside has every capability, and none that outlives becoming somebody else.
func capable(t *grade.T, pid int) {
	t.Helper()
	if eff := field(pid, "CapEff"); eff != allCaps() {
		t.Saw(fmt.Sprintf("grep CapEff /proc/%d/status", pid), eff)
		t.Wrong("caps-gone",
			"the process is in its user namespace without the capabilities of its root: CapEff is %s, not %s. Who executes a program before it is user 0 loses them. See proofs `too-late` and `in-time`.",
			"процесс в своём user namespace, но без возможностей его root: CapEff %s, а не %s. Кто выполнит программу раньше, чем станет пользователем 0, их теряет. См. доказательства `too-late` и `in-time`.", eff, allCaps())
	}
	if inh := field(pid, "CapInh"); inh != "0000000000000000" {
		t.Saw(fmt.Sprintf("grep CapInh /proc/%d/status", pid), inh)
		t.Wrong("caps-inheritable",
			"the process has inheritable capabilities, %s: what was kept over an execve(2) on purpose has to be dropped afterwards",
			"у процесса остались наследуемые возможности, %s: то, что нарочно пронесли через execve(2), после него надо снять", inh)
	}
}

// ownedByIts: a namespace that is older than the user namespace obeys the host.
func ownedByIts(t *grade.T, pid int, kind string) {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	if err != nil {
		t.Broken(err)
	}
	defer f.Close()
	fd, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_USERNS)
	if err != nil {
		t.Broken(fmt.Errorf("ioctl(%s, NS_GET_USERNS): %w", f.Name(), err))
	}
	defer unix.Close(fd)
	var owner, user unix.Stat_t
	if err := unix.Fstat(fd, &owner); err != nil {
		t.Broken(err)
	}
	if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/user", pid), &user); err != nil {
		t.Broken(err)
	}
	if owner.Ino != user.Ino {
		t.Saw(fmt.Sprintf("ioctl(/proc/%d/ns/%s, NS_GET_USERNS), and ns/user", pid, kind), fmt.Sprintf("user:[%d], user:[%d]", owner.Ino, user.Ino))
		t.Wrong("ns-owner",
			"the %s namespace of the container belongs to another user namespace than its own: its capabilities do not hold there. Ask for all namespaces in one clone(2), or for the user namespace first. See proof `owned-by`.",
			"пространство имён %s контейнера принадлежит не его user namespace: его возможности там не действуют. Просите все пространства одним clone(2) или user namespace первым. См. доказательство `owned-by`.", kind)
	}
}
