package main

import (
	"os"
	"path/filepath"
	"syscall"
)

// All of this file runs on the host's side. A cgroup is a folder, and there is no other
// interface (cgroups(7)). A container's goes through these steps:
//
//	hand the controllers down → mkdir → write the limits → clone the child into it
//	                          … → SIGKILL for all that is left → rmdir

// Where cgroup v2 is mounted, and the group that holds those of all containers. A
// container's is named by its id: from that alone it is found again, whatever has become of
// the mydocker that made it.
const (
	top    = "/sys/fs/cgroup"
	parent = top + "/mydocker"
)

// A group is the folder of a cgroup.
type group string

func groupOf(id string) group { return group(filepath.Join(parent, id)) }

// handDown has the controllers handed down as far as the groups of containers. It runs
// before anything of a container is made: a limit that cannot be had is refused there. What
// nobody has asked for may be missing.
func handDown(limits Limits) error {
	// homework: born
	// TODO: No cgroup v2 on top (Statfs, CGROUP2_SUPER_MAGIC) is an error. Make parent, unless
	// it is there. Then write +cpu, +memory and +pids into cgroup.subtree_control, first of
	// top, then of parent. One write for each: one that fails must not take the others with
	// it, and is an error only when limits.files() has a file of that controller.
	return todo("born: handDown")
}

// newGroup makes a container's group and sets its limits, while nobody is in it.
func newGroup(id string, limits Limits) (group, error) {
	// homework: born
	// TODO: Mkdir, and one set for each of limits.files(). If one fails, nothing stays behind.
	return "", todo("born: newGroup")
}

// birth has the child born in the group. Were it started and then moved, it would run
// without limits meanwhile, and what it had taken by then would never be on the group's
// bill (proof start-then-move).
func (g group) birth(child *syscall.SysProcAttr) (folder *os.File, err error) {
	// homework: born
	// TODO: Open the folder. UseCgroupFD and CgroupFD make Go's clone a clone3(2) with
	// CLONE_INTO_CGROUP. And CLONE_NEWCGROUP in Unshareflags, which the child does after its
	// birth: the root of a cgroup namespace is the group of who makes it, at that moment.
	return nil, todo("born: birth")
}

// outOfMemory tells whether the kernel has killed somebody in the group for want of memory.
// wait(2) says SIGKILL, and that is all that it says.
func (g group) outOfMemory(id string) error {
	// homework: oom
	// TODO: oom_kill in memory.events counts them; none is no error, and neither is a group
	// without the file. The error is one line: which container, "killed: out of memory", and
	// the limit. The file goes with the group, so the line says what stood in it.
	return todo("oom: outOfMemory")
}

// kill sends SIGKILL to everybody in the group, and returns when nobody is left. A list of
// the processes would be old before it is read (proof kill-all).
func (g group) kill() error {
	// homework: bomb
	// TODO: 1 into cgroup.kill, and await a 0 as populated.
	return todo("bomb: kill")
}

// remove ends whoever is left in the group and removes it, with the groups that somebody
// inside may have made below. One that is not there is removed.
func (g group) remove() error {
	// homework: bomb
	// TODO: kill, then the folders in it from below (remove itself can do that), then rmdir(2).
	// That says EBUSY as long as one that is dying is still in there: try again, for patience.
	return todo("bomb: remove")
}
