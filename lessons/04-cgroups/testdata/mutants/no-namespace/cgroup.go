// mutant: task=bomb diagnosis=own-limit also=born
// No cgroup namespace: the group is a request, and no border.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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
	var st unix.Statfs_t
	if err := unix.Statfs(top, &st); err != nil {
		return fmt.Errorf("statfs(%q): %w", top, err)
	}
	if st.Type != unix.CGROUP2_SUPER_MAGIC {
		return fmt.Errorf("%s is not cgroup v2", top)
	}
	if err := os.Mkdir(parent, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	wanted, err := limits.files()
	if err != nil {
		return err
	}
	for _, g := range []group{top, parent} {
		for _, controller := range []string{"cpu", "memory", "pids"} {
			err := g.set("cgroup.subtree_control", "+"+controller)
			for _, f := range wanted {
				if err != nil && strings.HasPrefix(f.name, controller+".") {
					return fmt.Errorf("%s: %w", f.name, err)
				}
			}
		}
	}
	return nil
	// end
}

// newGroup makes a container's group and sets its limits, while nobody is in it.
func newGroup(id string, limits Limits) (group, error) {
	// homework: born
	// TODO: Mkdir, and one set for each of limits.files(). If one fails, nothing stays behind.
	files, err := limits.files()
	if err != nil {
		return "", err
	}
	g := groupOf(id)
	if err := os.Mkdir(string(g), 0o755); err != nil {
		return "", err
	}
	for _, f := range files {
		err := g.set(f.name, f.value)
		if errors.Is(err, fs.ErrNotExist) && f.name == "memory.swap.max" {
			continue // a kernel that was built without swap
		}
		if err != nil {
			return "", errors.Join(err, g.remove())
		}
	}
	return g, nil
	// end
}

// birth has the child born in the group. Were it started and then moved, it would run
// without limits meanwhile, and what it had taken by then would never be on the group's
// bill (proof start-then-move).
func (g group) birth(child *syscall.SysProcAttr) (folder *os.File, err error) {
	// homework: born
	// TODO: Open the folder. UseCgroupFD and CgroupFD make Go's clone a clone3(2) with
	// CLONE_INTO_CGROUP. And CLONE_NEWCGROUP in Unshareflags, which the child does after its
	// birth: the root of a cgroup namespace is the group of who makes it, at that moment.
	folder, err = os.Open(string(g))
	if err != nil {
		return nil, err
	}
	child.UseCgroupFD, child.CgroupFD = true, int(folder.Fd())
	return folder, nil
	// end
}

// outOfMemory tells whether the kernel has killed somebody in the group for want of memory.
// wait(2) says SIGKILL, and that is all that it says.
func (g group) outOfMemory(id string) error {
	// homework: oom
	// TODO: oom_kill in memory.events counts them; none is no error, and neither is a group
	// without the file. The error is one line: which container, "killed: out of memory", and
	// the limit. The file goes with the group, so the line says what stood in it.
	kills, err := g.field("memory.events", "oom_kill")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || kills == 0 {
		return err
	}
	limit, err := g.get("memory.max")
	if err != nil {
		return err
	}
	if n, err := strconv.ParseInt(limit, 10, 64); err == nil { // else it is max: the machine's
		limit = strings.TrimSuffix(size(n), "iB")
	}
	return fmt.Errorf("container %s killed: out of memory (limit %s), see memory.events: oom_kill %d", id, limit, kills)
	// end
}

// kill sends SIGKILL to everybody in the group, and returns when nobody is left. A list of
// the processes would be old before it is read (proof kill-all).
func (g group) kill() error {
	// homework: bomb
	// TODO: 1 into cgroup.kill, and await a 0 as populated.
	if err := g.set("cgroup.kill", "1"); err != nil {
		return err
	}
	return g.await("populated", "0")
	// end
}

// remove ends whoever is left in the group and removes it, with the groups that somebody
// inside may have made below. One that is not there is removed.
func (g group) remove() error {
	// homework: bomb
	// TODO: kill, then the folders in it from below (remove itself can do that), then rmdir(2).
	// That says EBUSY as long as one that is dying is still in there: try again, for patience.
	if err := g.kill(); gone(err) {
		return nil
	} else if err != nil {
		return err
	}
	entries, err := os.ReadDir(string(g))
	if gone(err) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			err = errors.Join(err, (g + "/" + group(entry.Name())).remove())
		}
	}
	if err != nil {
		return err
	}
	for end := time.Now().Add(patience); ; time.Sleep(pace) {
		err := unix.Rmdir(string(g))
		switch {
		case err == nil || gone(err):
			return nil
		case !errors.Is(err, unix.EBUSY) || time.Now().After(end):
			return fmt.Errorf("rmdir(%q): %w", g, err)
		}
	}
	// end
}
