package rootfs

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Default makes dir the default root, unless it is there: a tree with a shell and the usual
// small programs, out of what this machine has. Nothing is fetched. Many may call it at
// once; one of them makes it, and nobody ever sees half of it. What one leaves that is killed
// in the middle, the next removes.
//
// The programs are the machine's busybox; where there is none, a handful of the machine's
// own programs with their libraries. They are copies: by a hard link a container could
// write to the host's file.
func Default(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	lock, err := os.Open(parent)
	if err != nil {
		return err
	}
	defer lock.Close()                                  // and with it goes the lock (flock(2))
	for err = unix.EINTR; errors.Is(err, unix.EINTR); { // Go's own signals
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return fmt.Errorf("flock(%q): %w", parent, err)
	}
	if _, err := os.Stat(dir); err == nil { // somebody was faster
		return nil
	}
	making := filepath.Join(parent, "."+filepath.Base(dir)+"-making")
	// Chmod too: Mkdir minds the umask.
	if err := errors.Join(os.RemoveAll(making), os.Mkdir(making, 0o755), os.Chmod(making, 0o755)); err != nil {
		return err
	}
	if err := fill(making, exec.LookPath); err != nil {
		return errors.Join(fmt.Errorf("making a default root: %w", err), os.RemoveAll(making))
	}
	return os.Rename(making, dir)
}

// skeleton is what a root has beside programs. Folders that the kernel's file systems will
// cover are there so that the root can be read-only.
var skeleton = struct {
	folders map[string]fs.FileMode
	links   map[string]string
	files   map[string]string
}{
	folders: map[string]fs.FileMode{
		"bin": 0o755, "dev": 0o755, "etc": 0o755, "home": 0o755, "mnt": 0o755, "proc": 0o555,
		"root": 0o700, "run": 0o755, "sys": 0o555, "tmp": fs.ModeSticky | 0o777, "usr": 0o755,
		"var": 0o755,
	},
	links: map[string]string{"sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin", "var/run": "../run"},
	files: map[string]string{
		"etc/passwd":      "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
		"etc/group":       "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
		"etc/hosts":       "127.0.0.1 localhost\n::1 localhost\n",
		"etc/hostname":    "mydocker\n",
		"etc/resolv.conf": "",
	},
}

// fill makes the tree in dir; find is exec.LookPath.
func fill(dir string, find func(string) (string, error)) error {
	for name, mode := range skeleton.folders {
		// Chmod too: Mkdir minds the umask.
		if err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o700), os.Chmod(filepath.Join(dir, name), mode)); err != nil {
			return err
		}
	}
	for name, target := range skeleton.links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for name, text := range skeleton.files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if busybox, err := find("busybox"); err == nil {
		return addBusybox(dir, busybox)
	}
	return addPrograms(dir, find)
}

// addBusybox copies busybox, and links each of its names to it.
func addBusybox(dir, busybox string) error {
	if err := addProgram(dir, busybox, "busybox"); err != nil {
		return err
	}
	names, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("%s --list: %w", busybox, err)
	}
	for _, name := range strings.Fields(string(names)) {
		err := os.Symlink("busybox", filepath.Join(dir, "bin", name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// programs are copied where there is no busybox. The first must be there.
const programs = `sh
	cat chmod chown cp cut date dd df du echo env expr false find free grep head hostname id
	kill ln ls mkdir mknod mktemp mount mv nproc ping printf ps pwd readlink rm rmdir sed
	seq sleep sort stat stty sync tail tee test touch tr true tty umount uname uniq wc
	whoami xargs yes`

func addPrograms(dir string, find func(string) (string, error)) error {
	for i, name := range strings.Fields(programs) {
		path, err := find(name)
		if err != nil && i > 0 {
			continue
		}
		if err != nil {
			return fmt.Errorf("this machine has neither busybox nor sh: %w", err)
		}
		if err := addProgram(dir, path, name); err != nil {
			return err
		}
	}
	return nil
}

// addProgram copies a program to /bin, and what it needs to where it looks for it.
func addProgram(dir, program, name string) error {
	if err := addFile(dir, program, filepath.Join("bin", name)); err != nil {
		return err
	}
	loader, err := interpreter(program)
	if err != nil || loader == "" {
		return err
	}
	list, err := exec.Command(loader, "--list", program).Output()
	if err != nil {
		return fmt.Errorf("%s --list %s: %w", loader, program, err)
	}
	for _, path := range append(libraries(string(list)), loader) {
		if err := addFile(dir, path, path); err != nil {
			return err
		}
	}
	return nil
}

// interpreter is the loader that a program names (elf(5), PT_INTERP); "" if it is static.
func interpreter(program string) (string, error) {
	f, err := elf.Open(program)
	var notELF *elf.FormatError
	if errors.As(err, &notELF) {
		return "", nil // a script
	}
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
	return "", nil
}

// libraries reads what ld.so(8) --list says: "libc.so.6 => /lib/libc.so.6 (0x7f…)".
func libraries(list string) (paths []string) {
	for _, line := range strings.Split(list, "\n") {
		_, target, ok := strings.Cut(line, " => ")
		path, _, _ := strings.Cut(target, " (")
		if ok && filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// addFile copies a file of the machine to a place below dir, once.
func addFile(dir, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	to = filepath.Join(dir, to)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
