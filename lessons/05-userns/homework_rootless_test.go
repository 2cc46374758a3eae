package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkRootless: an ordinary user, without a privilege, has a container.
func checkRootless(t *grade.T) {
	c := asStudent(t)
	// 33 is somebody in the container: a user with one id only could not give it a file.
	p, pid := c.start("touch /tmp/mine /tmp/page && chown 33:33 /tmp/page && mkdir -m 700 /tmp/box && touch /tmp/box/x && chown 33 /tmp/box; echo up", "--name", "box", "--hostname", "rootless")
	says(t, p, "up")
	ownUserNamespace(t, pid)
	if uid := field(pid, "Uid"); uid != "1000 1000 1000 1000" {
		t.Saw(fmt.Sprintf("grep Uid /proc/%d/status", pid), uid)
		t.Wrong("other-user",
			"the root of student's container is outside not student, but %s",
			"root в контейнере пользователя student снаружи не student, а %s", uid)
	}
	for _, name := range []string{"uid_map", "gid_map"} {
		ownAndSubordinate(t, pid, name)
	}
	capable(t, pid)
	for _, kind := range []string{"uts", "pid", "ipc", "mnt"} {
		ownedByIts(t, pid, kind)
	}
	for file, want := range map[string]string{"mine": "1000 1000", "page": "100032 100032"} {
		path := fmt.Sprintf("/proc/%d/root/tmp/%s", pid, file)
		if got := ownerOf(path); got != want {
			t.Saw("stat -c '%u %g' "+path, got)
			t.Wrong("file-owner",
				"a file that was made in the container as /tmp/%s belongs, as the host sees it, to %s; by the default map it is to be %s. 0 inside is student, and 1, 2, … are the subordinate ids from 100000 on.",
				"файл, созданный в контейнере как /tmp/%s, на хосте принадлежит %s, а по карте по умолчанию должен %s. 0 внутри это student, а 1, 2, … подчинённые идентификаторы начиная с 100000.", file, got, want)
		}
	}
	end(p)
	removed(c, "box")
	expectCode(t, c.mydocker("run", "-d", "--name", "behind", "sleep", "600").Run(), 0, "student: mydocker run -d")
	expectCode(t, c.mydocker("rm", "-f", "behind").Run(), 0, "student: mydocker rm -f")
	oneID(c)
	subordinateRoot(c)
	diesWithItsKeeper(c)
	delegated(c)
	notDelegated(c)
}

// ownAndSubordinate: the default map is all that the user owns.
func ownAndSubordinate(t *grade.T, pid int, name string) {
	t.Helper()
	const want = "0 1000 1, 1 100000 65536"
	got := idMap(pid, name)
	if got == want {
		return
	}
	t.Saw(fmt.Sprintf("cat /proc/%d/%s", pid, name), orNothing(got))
	if got == "0 1000 1" {
		t.Wrong("one-id",
			"the container has one user, and student owns 65536 more, by /etc/subuid and /etc/subgid: no program in there can become anybody else. newuidmap(1) writes the longer map. See proof `second-line`.",
			"в контейнере один пользователь, а у student по /etc/subuid и /etc/subgid есть ещё 65536: ни одна программа не сможет стать там кем-то другим. Длинную карту пишет newuidmap(1). См. доказательство `second-line`.")
	}
	t.Wrong("map-differs",
		"%s of a container that student started without a map is %q, and is to be %q: the user itself, and behind it what it owns by /etc/subuid and /etc/subgid",
		"%s у контейнера, который student запустил без карты: %q, а должен быть %q: сам пользователь, а за ним то, чем он владеет по /etc/subuid и /etc/subgid", name, got, want)
}

// removed: with the container goes what its other users have made, which is not student's
// to remove.
func removed(c *caller, name string) {
	t := c.t
	t.Helper()
	folder := filepath.Join(c.root, "containers")
	before, _ := os.ReadDir(folder)
	expectCode(t, c.mydocker("rm", name).Run(), 0, "student: mydocker rm "+name+", a container in which others have files")
	if left, _ := os.ReadDir(folder); len(left) >= len(before) {
		t.Saw("ls "+folder, left[0].Name())
		t.Wrong("rm-left",
			"the container was removed, and its folder is still there: files of subordinate ids are not the user's to remove. Root of a user namespace with all of the user's ids may.",
			"контейнер удалён, а его папка осталась: файлы подчинённых идентификаторов пользователь удалить не может. Может root в user namespace со всеми идентификаторами пользователя.")
	}
}

// oneID: what a user may write without any help, and in which order.
func oneID(c *caller) {
	t := c.t
	t.Helper()
	p, pid := c.start("echo up", "--uid-map", "0:1000:1", "--gid-map", "0:1000:1")
	mapped(t, pid, "uid_map", "0 1000 1")
	mapped(t, pid, "gid_map", "0 1000 1")
	capable(t, pid)
	end(p)
}

// subordinateRoot: a user may also be nobody's root: 100000 is its own to give.
func subordinateRoot(c *caller) {
	t := c.t
	t.Helper()
	p, pid := c.start("touch /tmp/new; echo up", "--uid-map", "0:100000:65536", "--gid-map", "0:100000:65536", "--name", "nobodys")
	says(t, p, "up")
	mapped(t, pid, "uid_map", "0 100000 65536")
	if uid := field(pid, "Uid"); uid != "100000 100000 100000 100000" {
		t.Saw(fmt.Sprintf("grep Uid /proc/%d/status", pid), uid)
		t.Wrong("still-student",
			"under the map 0:100000:65536 the command is not 100000 outside, but %s: it has the map, and has not become 0 inside. See proof `still-root`.",
			"под картой 0:100000:65536 команда снаружи не 100000, а %s: карта есть, но нулём внутри она не стала. См. доказательство `still-root`.", uid)
	}
	capable(t, pid)
	end(p)
	removed(c, "nobodys")
}

// diesWithItsKeeper: the kernel forgets PR_SET_PDEATHSIG where capabilities are gained.
func diesWithItsKeeper(c *caller) {
	t := c.t
	t.Helper()
	s := script(t, "echo up")
	p := c.mydocker(s.run("--name", "orphan")...).Start()
	s.find(t, p)
	says(t, p, "up")
	p.Signal(syscall.SIGKILL)
	if !t.Eventually(patience, func() bool { return s.pid() == 0 }) {
		t.Saw("kill -9 of mydocker; grep "+s.argv[3]+" /proc/*/cmdline", fmt.Sprintf("process %d", s.pid()))
		t.Wrong("orphan",
			"mydocker was killed, and its rootless container lives on. The child had asked to die with its parent; the execve(2) by which it got its capabilities has made the kernel forget that (prctl(2), PR_SET_PDEATHSIG). Ask once more, before you wait for the parent's word.",
			"mydocker убит, а его rootless-контейнер живёт. Потомок просил умереть вместе с родителем, но execve(2), вернувший ему возможности, заставил ядро об этом забыть (prctl(2), PR_SET_PDEATHSIG). Попросите ещё раз, прежде чем ждать слова родителя.")
	}
	p.Wait()
	expectCode(t, c.mydocker("rm", "-f", "orphan").Run(), 0, "student: mydocker rm -f orphan")
}

// delegated: in a cgroup that was given to the user, limits are a user's to set.
func delegated(c *caller) {
	t := c.t
	t.Helper()
	p, pid := c.start("echo up", "--pids", "50")
	says(t, p, "up")
	var group string
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range strings.Lines(string(data)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			group = path
		}
	}
	limit, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", group, "pids.max"))
	if err != nil || strings.TrimSpace(string(limit)) != "50" {
		t.Saw(fmt.Sprintf("cat /proc/%d/cgroup, and its pids.max", pid), fmt.Sprintf("%s, %s %v", group, orNothing(string(limit)), err))
		t.Wrong("limit-missing",
			"student has a cgroup of its own and has asked for --pids 50; the command is in %s, whose pids.max is not 50",
			"у student есть своя cgroup, и он просил --pids 50; команда в %s, и pids.max там не 50", group)
	}
	end(p)
}

// notDelegated: without one, a limit is refused with the reason, and the rest works.
func notDelegated(c *caller) {
	t := c.t
	t.Helper()
	group, err := os.MkdirTemp("/sys/fs/cgroup", "homework-")
	if err != nil {
		t.Broken(err)
	}
	defer unix.Rmdir(group)
	elsewhere := *c
	elsewhere.cgroup, elsewhere.root = group, c.root+"-elsewhere"
	res := elsewhere.mydocker("run", "--pids", "50", "true").Run()
	said := strings.TrimSpace(res.Stderr)
	if res.Code != 125 || !strings.Contains(strings.ToLower(said), "cgroup") {
		t.Saw("student, in a cgroup of root's: mydocker run --pids 50 true", fmt.Sprintf("exit %d: %s", res.Code, orNothing(said)))
		t.Wrong("limit-unrefused",
			"student is in a cgroup that nobody has delegated to it, and cannot set a limit: mydocker has to exit with 125 and to say why, with the word cgroup in it; here: %d, %q",
			"student в cgroup, которую ему никто не передавал, и лимит поставить не может: mydocker должен выйти с кодом 125 и сказать почему, упомянув cgroup; здесь: %d, %q", res.Code, said)
	}
	if left := everythingBelow(filepath.Join(elsewhere.root, "containers")); len(left) > 1 {
		t.Saw("find "+elsewhere.root+"/containers", strings.Join(left, "\n"))
		t.Wrong("created",
			"mydocker has refused the limit, and %s was made all the same",
			"mydocker отказал в лимите, а %s всё-таки создан", left[len(left)-1])
	}
	expectCode(t, elsewhere.mydocker("run", "true").Run(), 0, "student, in a cgroup of root's: mydocker run true")
}
