package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// What a root file system is made of: what a program needs to start, device nodes, and the
// kernel's own file systems.

func init() { reexec.Register("static", func() { fmt.Println("hello") }) }

// loader runs two programs in two roots that hold one file each: a static program, and one
// that wants a loader and a library.
var loader = proof.Proof{
	ID: "loader",
	Guest: func(r *proof.Report) error {
		dir, err := os.MkdirTemp("", "root-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		program, err := exec.LookPath("true")
		if err != nil {
			return err
		}
		needs, err := interpreter(program)
		if err != nil {
			return err
		}
		r.Saw("wants", "readelf -l "+program+": the interpreter", needs)
		self, err := interpreter("/proc/self/exe")
		if err != nil {
			return err
		}
		r.Saw("wants-static", "readelf -l /proc/self/exe, this Go program", self)

		if err := errors.Join(copyFile(program, dir+"/dynamic"), copyFile("/proc/self/exe", dir+"/static")); err != nil {
			return err
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		r.Sawf("files", "the new root holds", "%s %s", entries[0].Name(), entries[1].Name())
		r.Saw("static", `chroot, execve("/static")`, answer(runIn(dir, "static")))
		r.Saw("dynamic", `chroot, execve("/dynamic"), which is there`, answer(runIn(dir, "dynamic")))

		// The loader itself says what it would load, and from where.
		list, err := exec.Command(needs, "--list", program).Output()
		if err != nil {
			return fmt.Errorf("%s --list %s: %w", needs, program, err)
		}
		libraries := append(parseLoaderList(string(list)), needs)
		for _, path := range libraries {
			if err := errors.Join(os.MkdirAll(filepath.Dir(dir+path), 0o755), copyFile(path, dir+path)); err != nil {
				return err
			}
		}
		r.Saw("copied", needs+" --list: copied too", strings.Join(libraries, " "))
		r.Saw("dynamic-again", `chroot, execve("/dynamic")`, answer(runIn(dir, "dynamic")))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(strings.HasPrefix(s.Get("wants"), "/"), "%s is no path", s.Get("wants"))
		s.Equal("wants-static", "(none)")
		s.Equal("files", "dynamic static")
		s.Equal("static", "ok")
		s.Equal("dynamic", "ENOENT")
		s.Equal("dynamic-again", "ok")
	},
}

// runIn is clone(2), chroot(2) in the child, execve(2).
func runIn(root, program string) error {
	cmd := &exec.Cmd{
		Path: "/" + program, Args: []string{program}, Dir: "/",
		SysProcAttr: &syscall.SysProcAttr{Chroot: root},
	}
	return cmd.Run()
}

// interpreter is the program that execve(2) starts in place of this one, with this one as
// its argument: the dynamic loader, named in the ELF file (elf(5), PT_INTERP).
func interpreter(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(p.Open())
			return strings.TrimRight(string(name), "\x00"), err
		}
	}
	return "(none)", nil
}

// parseLoaderList reads ld.so(8) --list: lines of "libc.so.6 => /lib/libc.so.6 (0x7f…)".
func parseLoaderList(list string) []string {
	var paths []string
	for _, line := range strings.Split(list, "\n") {
		_, target, ok := strings.Cut(line, " => ")
		path, _, _ := strings.Cut(target, " (")
		if ok && strings.HasPrefix(path, "/") {
			paths = append(paths, path)
		}
	}
	return paths
}

// copyFile copies a program. No hard link: the container could write to ours by it.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// A device node is two numbers in a file system; this table is what every program expects.
var deviceNodes = []struct {
	name         string
	major, minor uint32 // Documentation/admin-guide/devices.txt
}{
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
}

// devices makes a minimal /dev, twice: with mknod(2), and with bind mounts where nodes
// are not to be had.
var devices = proof.Proof{
	ID: "devices",
	Guest: func(r *proof.Report) error {
		machine, err := startActor(unix.CLONE_NEWNS) // the lab's tree: it has a /dev to bind from
		if err != nil {
			return err
		}
		defer machine.end()
		return machine.do(r, "devices")
	},
	Judge: func(s *proof.Seen) {
		s.Equal("null", "character device 1:3")
		s.Equal("made", "6")
		s.Equal("zero", "4 bytes, all 0")
		s.Equal("full", "ENOSPC")
		s.Equal("name", "4 bytes, all 0") // the numbers count, not the name
		s.Equal("nodev", "EACCES")
		s.Equal("bound", "ok")
	},
}

// devicesScene runs in an actor.
func devicesScene(say say, _ []string) error {
	if err := doMount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	const dev = "/mnt"
	if err := doMount("dev", dev, "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755"); err != nil {
		return err
	}
	made := 0
	for _, d := range deviceNodes {
		path := dev + "/" + d.name
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor))); err != nil {
			return fmt.Errorf("mknod(%q, %d:%d): %w", path, d.major, d.minor, err)
		}
		made++
	}
	say("made", "mknod(2): nodes made", fmt.Sprint(made))
	say("null", "stat "+dev+"/null", node(dev+"/null"))
	say("zero", "head -c 4 "+dev+"/zero", readZeros(dev+"/zero"))
	say("full", "echo >"+dev+"/full", answer(os.WriteFile(dev+"/full", []byte("\n"), 0)))

	// The same two numbers under another name are the same device.
	if err := unix.Mknod(dev+"/apple", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
		return err
	}
	say("name", "mknod apple c 1 5; head -c 4 apple", readZeros(dev+"/apple"))

	// Where devices are forbidden a node is a dead thing: it can be made, and not opened.
	if err := doMount("", dev, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NODEV, ""); err != nil {
		return err
	}
	say("nodev", "mount -o remount,bind,nodev; open(null)", answer(openFile(dev+"/null")))

	// A bind mount is a mount, with flags of its own: a node from elsewhere works.
	if err := os.WriteFile(dev+"/place", nil, 0o600); err != nil {
		return err
	}
	if err := doMount("/dev/null", dev+"/place", "", unix.MS_BIND, ""); err != nil {
		return err
	}
	say("bound", "mount --bind /dev/null place; open(place)", answer(openFile(dev+"/place")))
	return nil
}

func readZeros(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return answer(err)
	}
	defer f.Close()
	buf := []byte("####")
	n, err := io.ReadFull(f, buf)
	if err != nil {
		return answer(err)
	}
	if strings.Trim(string(buf), "\x00") != "" {
		return fmt.Sprintf("%d bytes, %q", n, buf)
	}
	return fmt.Sprintf("%d bytes, all 0", n)
}
