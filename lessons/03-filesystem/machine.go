package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// A machine in miniature is the surroundings in which these proofs change roots: an actor
// with a mount namespace of its own, in which there is nothing but
//
//	/             a tmpfs, called "machine"
//	/home/diary   a file of the host
//	/proc
//	/rootfs       a tmpfs, called "rootfs": the root of a container that is to be
//	/rootfs/old   a folder for pivot_root(2) to put the old root in
//	/rootfs/proc
//
// Two lines of the table for the host, two for the container; short enough to be shown.

// startMachine starts the actor, and reports its table.
func startMachine(r *proof.Report) (*actor, error) {
	machine, err := startActor(unix.CLONE_NEWNS)
	if err != nil {
		return nil, err
	}
	if err := machine.do(r, "become-machine"); err != nil {
		machine.end()
		return nil, err
	}
	return machine, nil
}

// becomeMachine runs in the actor: after clone(2) with CLONE_NEWNS.
func becomeMachine() error {
	// Before any mount: what we have is a copy of the lab's table, still joined to it.
	if err := doMount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	const root = "/mnt" // whatever lay there is hidden from us, and from nobody else
	for _, m := range []struct{ source, target, fstype string }{
		{"machine", root, "tmpfs"},
		{"proc", root + "/proc", "proc"},
		{"rootfs", root + "/rootfs", "tmpfs"},
		{"proc", root + "/rootfs/proc", "proc"},
	} {
		if err := errors.Join(os.MkdirAll(m.target, 0o755), doMount(m.source, m.target, m.fstype, 0, "")); err != nil {
			return err
		}
	}
	if err := errors.Join(
		os.MkdirAll(root+"/home", 0o755),
		os.WriteFile(root+"/home/diary", []byte("of the host\n"), 0o600),
		os.Mkdir(root+"/rootfs/old", 0o755),
	); err != nil {
		return err
	}
	return pivotAndDetach(root)
}

// mountTmpfs runs in an actor.
func mountTmpfs(_ say, args []string) error {
	return errors.Join(os.MkdirAll(args[0], 0o755), doMount("tmpfs", args[0], "tmpfs", 0, ""))
}

// sawRoot reports what /proc tells of a process's root and mount table. when and who make
// the keys: "table-after-child".
func sawRoot(r *proof.Report, when, who string, pid int) error {
	table, err := mountsOf(pid)
	if err != nil {
		return err
	}
	r.Saw("table-"+when+"-"+who, fmt.Sprintf("%s's mount points, /proc/%d/mountinfo", who, pid), points(table))

	// /proc/PID/root leads to the root of that process, in its namespace, whatever ours are.
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/root", pid))
	if err != nil {
		return err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	r.Saw("root-"+when+"-"+who, fmt.Sprintf("ls /proc/%d/root", pid), strings.Join(names, " "))
	return nil
}

// sawNamespace reports which mount namespace a process is in.
func sawNamespace(r *proof.Report, key, who string, pid int) error {
	link := fmt.Sprintf("/proc/%d/ns/mnt", pid)
	ns, err := os.Readlink(link)
	if err != nil {
		return err
	}
	r.Saw(key, who+": readlink "+link, ns)
	return nil
}
