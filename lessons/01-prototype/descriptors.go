package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// descriptors reads the table of descriptors of a running process from the outside.
var descriptors = proof.Proof{
	ID: "descriptors",
	Guest: func(r *proof.Report) error {
		if err := tidy(); err != nil {
			return err
		}
		dir, err := os.MkdirTemp("", "descriptors-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)

		// What the process will have: descriptor 3 a file, opened for appending; 4 a pipe;
		// 5 a socket; 6 an eventfd, which is nothing but a number in the kernel.
		log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer log.Close()
		read, write, err := os.Pipe()
		if err != nil {
			return err
		}
		defer read.Close()
		defer write.Close()
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("socketpair(2): %w", err)
		}
		near, far := os.NewFile(uintptr(pair[0]), "near"), os.NewFile(uintptr(pair[1]), "far")
		defer near.Close()
		defer far.Close()
		counter, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			return fmt.Errorf("eventfd(2): %w", err)
		}
		event := os.NewFile(uintptr(counter), "event")
		defer event.Close()

		cmd := exec.Command("cat")
		cmd.ExtraFiles = []*os.File{log, read, far, event} // from 3 on, in this order
		cat, err := start(cmd)
		if err != nil {
			return err
		}
		defer cat.end()

		open, err := openDescriptors(cat.pid())
		if err != nil {
			return err
		}
		r.Saw("numbers", fmt.Sprintf("ls /proc/%d/fd", cat.pid()), numbers(open))
		for fd := 3; fd <= 6; fd++ {
			r.Saw(fmt.Sprintf("fd-%d", fd), fmt.Sprintf("readlink /proc/%d/fd/%d", cat.pid(), fd), open[fd])
		}
		r.Saw("log", "the file that we opened", log.Name())
		for _, object := range []struct {
			key  string
			file *os.File
		}{{"pipe", read}, {"socket", far}} {
			var st unix.Stat_t
			if err := unix.Fstat(int(object.file.Fd()), &st); err != nil {
				return fmt.Errorf("fstat(%s): %w", object.key, err)
			}
			r.Sawf(object.key, "fstat(2) of our "+object.key, "%s:[%d]", object.key, st.Ino)
		}

		// fdinfo says how it was opened, octal as in open(2).
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/3", cat.pid()))
		if err != nil {
			return err
		}
		flags, err := parseStatus(strings.NewReader(string(info)), "flags")
		if err != nil {
			return err
		}
		r.Saw("flags", fmt.Sprintf("grep flags /proc/%d/fdinfo/3", cat.pid()), flags)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("numbers", "0 1 2 3 4 5 6")
		s.Same("fd-3", "log")
		s.Same("fd-4", "pipe")
		s.Same("fd-5", "socket")
		s.Equal("fd-6", "anon_inode:[eventfd]")
		var flags int
		_, err := fmt.Sscanf(s.Get("flags"), "%o", &flags)
		s.Check(err == nil && flags&unix.O_ACCMODE == unix.O_WRONLY && flags&unix.O_APPEND != 0,
			"flags %s are not O_WRONLY|O_APPEND", s.Get("flags"))
	},
}

// sharedOffset: a descriptor that was inherited, and one that was opened again.
var sharedOffset = proof.Proof{
	ID: "shared-offset",
	Guest: func(r *proof.Report) error {
		dir, err := os.MkdirTemp("", "offset-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "letters")
		if err := os.WriteFile(path, []byte("abcdefghij"), 0o600); err != nil {
			return err
		}
		inherited, err := os.Open(path)
		if err != nil {
			return err
		}
		defer inherited.Close()
		reopened, err := os.Open(path)
		if err != nil {
			return err
		}
		defer reopened.Close()

		// The child reads four bytes from the descriptor that it has from us.
		dd := exec.Command("dd", "bs=4", "count=1", "status=none")
		dd.Stdin = inherited
		read, err := dd.Output()
		if err != nil {
			return err
		}
		r.Saw("child", "the child reads 4 bytes", string(read))
		for _, f := range []struct {
			key  string
			file *os.File
		}{{"inherited", inherited}, {"reopened", reopened}} {
			// lseek(2) by nothing, from where we are: the offset, unchanged.
			offset, err := unix.Seek(int(f.file.Fd()), 0, io.SeekCurrent)
			if err != nil {
				return fmt.Errorf("lseek(%s): %w", path, err)
			}
			r.Sawf(f.key, "our own offset, descriptor "+f.key, "%d", offset)
		}
		next := make([]byte, 3)
		if _, err := io.ReadFull(inherited, next); err != nil {
			return err
		}
		r.Saw("next", "we read 3 more", string(next))

		// The kernel itself compares (kcmp(2)): 0 means one open file description.
		cmd := exec.Command("cat")
		cmd.ExtraFiles = []*os.File{inherited}
		cat, err := start(cmd)
		if err != nil {
			return err
		}
		defer cat.end()
		for _, f := range []struct {
			key  string
			file *os.File
		}{{"kcmp-inherited", inherited}, {"kcmp-reopened", reopened}} {
			order, err := kcmpFile(cat.pid(), 3, os.Getpid(), int(f.file.Fd()))
			if err != nil {
				return fmt.Errorf("kcmp(%d, %d, KCMP_FILE): %w", cat.pid(), os.Getpid(), err)
			}
			same := "another"
			if order == 0 {
				same = "the same"
			}
			r.Saw(f.key, "kcmp(2), the child's descriptor 3 and our "+strings.TrimPrefix(f.key, "kcmp-"), same)
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("child", "abcd")
		s.Equal("inherited", "4") // moved by the child
		s.Equal("reopened", "0")  // the same file, an offset of its own
		s.Equal("next", "efg")
		s.Equal("kcmp-inherited", "the same")
		s.Equal("kcmp-reopened", "another")
	},
}

// kcmpFile asks whether two descriptors of two processes lead to one open file description.
func kcmpFile(pid1, fd1, pid2, fd2 int) (int, error) {
	const kcmpFile = 0 // KCMP_FILE
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(pid1), uintptr(pid2), kcmpFile,
		uintptr(fd1), uintptr(fd2), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(order), nil
}

// unlinked: a name is removed, a file is not.
var unlinked = proof.Proof{
	ID: "unlinked",
	Guest: func(r *proof.Report) error {
		dir, err := os.MkdirTemp("", "unlinked-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "secret")
		if err := os.WriteFile(path, []byte("still here"), 0o600); err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		cmd := exec.Command("cat")
		cmd.ExtraFiles = []*os.File{f} // descriptor 3 of the cat
		cat, err := start(cmd)
		f.Close() // from now on only the cat holds the file
		if err != nil {
			return err
		}
		link := fmt.Sprintf("/proc/%d/fd/3", cat.pid())
		if err := sawLinks(r, "before", link); err != nil {
			return err
		}

		if err := os.Remove(path); err != nil {
			return err
		}
		_, err = os.Stat(path)
		r.Saw("name", "unlink(2), then stat(2) of the path", answer(err))
		target, err := os.Readlink(link)
		if err != nil {
			return err
		}
		r.Saw("link", "readlink "+link, target)
		if err := sawLinks(r, "after", link); err != nil {
			return err
		}
		// The link of procfs is no ordinary one: open(2) goes not to the path that it shows
		// but to the object that the descriptor leads to.
		content, err := os.ReadFile(link)
		if err != nil {
			return err
		}
		r.Saw("content", "cat "+link, string(content))

		// The last descriptor closes, and now the file is gone.
		if err := cat.end(); err != nil {
			return err
		}
		_, err = os.ReadFile(link)
		r.Saw("gone", "the same after the process has ended", answer(err))
		r.Saw("path", "the path was", path)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("links-before", "1")
		s.Equal("name", "ENOENT")
		s.Equal("link", s.Get("path")+" (deleted)")
		s.Equal("links-after", "0")
		s.Same("inode-before", "inode-after")
		s.Equal("content", "still here")
		s.Equal("gone", "ENOENT")
	},
}

// sawLinks reports the inode behind a link of /proc/PID/fd and how many names it has.
func sawLinks(r *proof.Report, when, link string) error {
	var st unix.Stat_t
	if err := unix.Stat(link, &st); err != nil { // stat, not lstat: through the link
		return fmt.Errorf("stat(%q): %w", link, err)
	}
	r.Sawf("links-"+when, "stat -L -c %h "+link, "%d", st.Nlink)
	r.Sawf("inode-"+when, "stat -L -c %i "+link, "%d", st.Ino)
	return nil
}
