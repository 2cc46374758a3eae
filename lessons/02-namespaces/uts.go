package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() { reexec.Register("renames", renames) }

// renames runs in a child: it says what the machine is called, calls it otherwise, and
// looks again.
func renames() {
	before := nodename()
	check(unix.Sethostname([]byte(os.Args[1])))
	fmt.Println(before, nodename())
}

// hostname has the machine renamed twice: where the name is shared, and where it is not.
// The machine is a UTS namespace that the proof makes for itself, so that your own keeps
// its name.
var hostname = proof.Proof{
	ID: "hostname",
	Guest: func(r *proof.Report) error {
		ours := nodename()
		r.Saw("ours", "uname -n, of us", ours)
		err := apart(unix.CLONE_NEWUTS, func() error {
			r.Saw("copied", "unshare(CLONE_NEWUTS); uname -n", nodename())
			for _, scene := range []struct {
				name  string
				flags uintptr
			}{{"shared", 0}, {"isolated", unix.CLONE_NEWUTS}} {
				cmd := reexec.Command("renames", scene.name)
				cmd.Stderr = os.Stderr
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: scene.flags}
				out, err := cmd.Output()
				if err != nil {
					return err
				}
				before, after, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
				r.Saw("child-before-"+scene.name, "uname -n in a child, namespace "+scene.name, before)
				r.Saw("child-after-"+scene.name, fmt.Sprintf("sethostname(%q); uname -n in the child", scene.name), after)
				r.Saw("parent-"+scene.name, "uname -n in the parent, after that", nodename())
			}
			return nil
		})
		r.Saw("ours-after", "uname -n, on the thread that stayed", nodename())
		return err
	},
	Judge: func(s *proof.Seen) {
		s.Same("copied", "ours") // a new UTS namespace begins with the old name
		s.Equal("child-after-shared", "shared")
		s.Equal("parent-shared", "shared")
		s.Equal("child-before-isolated", "shared")
		s.Equal("child-after-isolated", "isolated")
		s.Equal("parent-isolated", "shared")
		s.Same("ours-after", "ours")
	},
}
