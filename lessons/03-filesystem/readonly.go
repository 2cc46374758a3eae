package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// Masked and read-only paths: /proc and /sys have to be there, and not all of it.

// readOnly makes a folder of the tree read-only: it binds the folder onto itself, to have a
// mount whose flags can be changed. It takes two calls. The first ignores MS_RDONLY: a new
// bind mount has the flags of the mount that it shows (mount(2)).
func readOnly(path string) error {
	if err := doMount(path, path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	// The second call sets all of the flags, not one: what is not named again is lost, and a
	// nosuid that is lost is a hole.
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return fmt.Errorf("statfs(%q): %w", path, err)
	}
	kept := uintptr(fs.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC) // ST_* and MS_* agree in these
	return doMount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|kept, "")
}

// mask hides a path: a file under /dev/null, a folder under an empty read-only tmpfs.
func mask(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // this kernel does not have it: nothing to hide
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return doMount("tmpfs", path, "tmpfs", unix.MS_RDONLY, "")
	}
	return doMount("/dev/null", path, "", unix.MS_BIND, "")
}

// readOnlyPaths tries the naive way first.
var readOnlyPaths = proof.Proof{
	ID: "read-only",
	Guest: func(r *proof.Report) error {
		machine, err := startActor(unix.CLONE_NEWNS)
		if err != nil {
			return err
		}
		defer machine.end()
		return machine.do(r, "read-only")
	},
	Judge: func(s *proof.Seen) {
		s.Equal("naive", "ok")
		s.Equal("naive-write", "ok") // MS_RDONLY was ignored, and nobody said so
		s.Equal("right-write", "EROFS")
		s.Check(strings.Contains(s.Get("right-options"), "nosuid"), "nosuid was lost: %s", s.Get("right-options"))
		s.Equal("elsewhere", "ok")
		s.Check(s.Int("masked-before") > 0, "nothing to hide in the file")
		s.Equal("masked-after", "0")
		s.Check(s.Int("masked-dir-before") > 0, "nothing to hide in the folder")
		s.Equal("masked-dir-after", "0")
	},
}

// readOnlyScene runs in an actor.
func readOnlyScene(say say, _ []string) error {
	const dir = "/mnt"
	if err := errors.Join(
		doMount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		doMount("volume", dir, "tmpfs", unix.MS_NOSUID, ""),
		os.Mkdir(dir+"/data", 0o755),
		os.Mkdir(dir+"/naive", 0o755),
		os.WriteFile(dir+"/secret", []byte("something\n"), 0o600),
		os.WriteFile(dir+"/data/file", nil, 0o600),
	); err != nil {
		return err
	}
	naive := unix.Mount(dir+"/data", dir+"/naive", "", unix.MS_BIND|unix.MS_RDONLY, "")
	say("naive", "mount(data, naive, MS_BIND|MS_RDONLY)", answer(naive))
	say("naive-write", "touch naive/x", answer(os.WriteFile(dir+"/naive/x", nil, 0o600)))

	if err := readOnly(dir + "/naive"); err != nil {
		return err
	}
	say("right-write", "and mount(naive, MS_REMOUNT|MS_BIND|MS_RDONLY); touch naive/y",
		answer(os.WriteFile(dir+"/naive/y", nil, 0o600)))
	table, err := mountsOf(os.Getpid())
	if err != nil {
		return err
	}
	m, _ := mountAt(table, dir+"/naive")
	say("right-options", "its options in mountinfo", m.Options)
	say("elsewhere", "touch data/y, the same folder by another mount", answer(os.WriteFile(dir+"/data/y", nil, 0o600)))

	for _, masked := range []struct{ key, path string }{{"masked", dir + "/secret"}, {"masked-dir", dir + "/data"}} {
		say(masked.key+"-before", masked.path+": bytes, or names", fmt.Sprint(amount(masked.path)))
		if err := mask(masked.path); err != nil {
			return err
		}
		say(masked.key+"-after", "masked: bytes, or names", fmt.Sprint(amount(masked.path)))
	}
	return nil
}

// amount is how many bytes a file gives, or how many names a folder.
func amount(path string) int {
	if entries, err := os.ReadDir(path); err == nil {
		return len(entries)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return -1
	}
	return len(b)
}
