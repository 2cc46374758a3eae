package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// procfs: a file that is made when it is read, for the one who reads it.
var procfs = proof.Proof{
	ID: "procfs",
	Guest: func(r *proof.Report) error {
		// A file with no bytes, which is full of text.
		var st unix.Stat_t
		if err := unix.Stat("/proc/self/status", &st); err != nil {
			return fmt.Errorf("stat(%q): %w", "/proc/self/status", err)
		}
		r.Sawf("size", "stat -c %s /proc/self/status", "%d", st.Size)
		text, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return err
		}
		r.Sawf("bytes", "wc -c </proc/self/status", "%d", len(text))

		// One inode, two readers, two contents. The readers are programs of their own:
		// stat shows the link itself, readlink follows it for itself.
		for _, reader := range []string{"first", "second"} {
			out, err := exec.Command("sh", "-c", `stat -c %i /proc/self; readlink /proc/self; echo $$`).Output()
			if err != nil {
				return err
			}
			lines := strings.Fields(string(out))
			if len(lines) != 3 {
				return fmt.Errorf("three numbers expected, not %q", out)
			}
			r.Saw("inode-"+reader, "stat -c %i /proc/self, the "+reader+" reader", lines[0])
			r.Saw("self-"+reader, "readlink /proc/self, the "+reader+" reader", lines[1])
		}

		// Written to, it is a function call: the kernel takes the text as an argument.
		if err := os.WriteFile("/proc/self/comm", []byte("renamed"), 0); err != nil {
			return err
		}
		name, err := status(os.Getpid(), "Name")
		if err != nil {
			return err
		}
		r.Saw("comm", "echo renamed >/proc/self/comm; grep Name /proc/self/status", name)

		// What is no disk has no room for a file of ours: not even root can make one.
		_, err = unix.Open("/proc/mine", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		r.Saw("create", "touch /proc/mine", answer(err))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("size", "0")
		s.Check(s.Int("bytes") > 500, "only %d bytes", s.Int("bytes"))
		s.Same("inode-first", "inode-second")
		s.Differ("self-first", "self-second")
		s.Equal("comm", "renamed")
		s.Equal("create", "ENOENT")
	},
}
