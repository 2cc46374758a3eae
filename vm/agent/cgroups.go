//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// studentUID is the ordinary user of the lab; /etc/passwd in the image names it.
const studentUID = 1000

// setUpCgroups hands every controller to the children of the root cgroup, and one child
// to the ordinary user, as systemd does with Delegate=yes: the folder and three of its
// files are the user's (cgroups(7), "Cgroups delegation").
func setUpCgroups(top string) error {
	if err := enableControllers(top); err != nil {
		return err
	}
	student := filepath.Join(top, "student")
	session := filepath.Join(student, "session")
	if err := os.MkdirAll(session, 0o755); err != nil {
		return err
	}
	if err := enableControllers(student); err != nil {
		return err
	}
	for _, dir := range []string{student, session} {
		for _, name := range []string{"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
			if err := os.Chown(filepath.Join(dir, name), studentUID, studentUID); err != nil {
				return err
			}
		}
	}
	return nil
}

// enableControllers writes each controller by itself: one that the kernel refuses
// must not take the others with it.
func enableControllers(dir string) error {
	all, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	control := filepath.Join(dir, "cgroup.subtree_control")
	for _, name := range strings.Fields(string(all)) {
		err := os.WriteFile(control, []byte("+"+name), 0)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("write +%s: %w", name, err)
		}
	}
	return nil
}
