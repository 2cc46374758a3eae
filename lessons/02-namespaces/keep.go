package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() { reexec.Register("keeps", keeps) }

// keeps runs in a child with a mount table of its own, so that whatever becomes of it, its
// bind mount goes with it. It keeps two namespaces alive in which nobody is.
func keeps() {
	check(privateMounts())
	check(unix.Mount("tmpfs", "/mnt", "tmpfs", 0, "")) // nor does the file outlive us
	const file = "/mnt/uts"
	check(os.WriteFile(file, nil, 0o600))

	bound, err := namedCat("bound", 0)
	check(err)
	held, err := namedCat("held", 0)
	check(err)
	link, err := namespace(bound.pid(), "uts")
	check(err)

	// The first is kept by a name …
	check(unix.Mount(fmt.Sprintf("/proc/%d/ns/uts", bound.pid()), file, "", unix.MS_BIND, ""))
	// … the second by a descriptor.
	descriptor, err := os.Open(fmt.Sprintf("/proc/%d/ns/uts", held.pid()))
	check(err)
	fmt.Println("members-before", len(members(link)))
	check(bound.end())
	check(held.end())
	fmt.Println("members-after", len(members(link)))

	var st unix.Stat_t
	check(unix.Stat(file, &st))
	fmt.Println("link", link)
	fmt.Printf("file uts:[%d]\n", st.Ino)
	check(inside(os.Getpid(), nil, func() error {
		check(join(file))
		fmt.Println("bound", nodename())
		check(unix.Setns(int(descriptor.Fd()), unix.CLONE_NEWUTS))
		fmt.Println("held", nodename())
		return nil
	}))

	check(unix.Unmount(file, 0))
	err = inside(os.Getpid(), nil, func() error { return join(file) })
	fmt.Println("unbound", answer(err))
	left, err := os.ReadFile(file)
	check(err)
	fmt.Println("left", len(left))
}

// members are the processes whose UTS namespace link stands for.
func members(link string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the only error is a bad pattern
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			if theirs, err := namespace(pid, "uts"); err == nil && theirs == link {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// kept shows what keeps a namespace alive when its last process is gone.
var kept = proof.Proof{
	ID: "kept",
	Guest: func(r *proof.Report) error {
		cmd := reexec.Command("keeps")
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
		out, err := cmd.Output()
		if err != nil {
			return err
		}
		questions := map[string]string{
			"members-before": "processes in a UTS namespace called bound",
			"members-after":  "they end; processes in it",
			"link":           "readlink /proc/PID/ns/uts, while there was a PID",
			"file":           "stat of the file that it was bound to",
			"bound":          "setns(2) through that file; uname -n",
			"held":           "setns(2) through a descriptor of another empty namespace; uname -n",
			"unbound":        "umount(2); setns(2) through the file",
			"left":           "bytes in the file",
		}
		for line := range strings.Lines(string(out)) {
			name, said, _ := strings.Cut(strings.TrimSpace(line), " ")
			r.Saw(name, questions[name], said)
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("members-before", "1")
		s.Equal("members-after", "0")
		s.Same("file", "link")
		s.Equal("bound", "bound")
		s.Equal("held", "held")
		s.Equal("unbound", "EINVAL")
		s.Equal("left", "0") // it is there, and it is only a file again
	},
}
