package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// symlinkMount: the attacker is an image. The runtime has been told to mount a volume at
// /data, and in the image /data is a symbolic link to a folder of the host.
var symlinkMount = proof.Proof{
	ID:    "symlink-mount",
	Guest: honestFirst,
	Attack: &proof.Attack{
		Prepare: prepareImage,
		Run:     mountVolume,
		Without: ownMounts,
		With:    ownMounts,
		Inside:  func(*proof.Attacker) error { resolve = inRoot; return nil },
		Errno:   unix.ENOENT,
	},
	Judge: func(s *proof.Seen) {
		s.Equal("honest", "ok")
		s.Check(strings.HasSuffix(s.Get("honest-point"), "/image/srv/data"), "the volume is at %s", s.Get("honest-point"))
	},
}

// resolve finds the place for a mount in a root that is not ours yet.
var resolve = naively

// naively joins the two paths. The kernel then follows the link in the second from the
// only root it knows: ours.
func naively(root, path string) (*os.File, error) {
	joined := filepath.Join(root, path)
	fd, err := unix.Open(joined, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open(%q): %w", joined, err)
	}
	return os.NewFile(uintptr(fd), joined), nil
}

// inRoot has the kernel take the folder for the root while it walks the path, links and ".."
// included (openat2(2)). What comes back is a descriptor: nobody can change any more where
// it leads, as somebody could change a link between a check and a mount.
func inRoot(root, path string) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open(%q): %w", root, err)
	}
	defer unix.Close(dir)
	fd, err := unix.Openat2(dir, path, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, fmt.Errorf("openat2(%q, %q, RESOLVE_IN_ROOT): %w", root, path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// mountOn mounts through the descriptor: mount(2) takes only paths, and this is the path
// that leads to what a descriptor holds, whatever has its name by now.
func mountOn(place *os.File) error {
	return doMount("volume", fmt.Sprintf("/proc/self/fd/%d", place.Fd()), "tmpfs", 0, "")
}

// prepareImage makes a folder of the host and an image with a link to it.
func prepareImage(r *proof.Report) (cleanup func(), err error) {
	dir, err := os.MkdirTemp("", "symlink-")
	if err != nil {
		return nil, err
	}
	cleanup = func() { os.RemoveAll(dir) }
	host, image := dir+"/host", dir+"/image"
	if err := errors.Join(
		os.Mkdir(host, 0o755),
		os.WriteFile(host+"/shadow", []byte("of the host"), 0o600),
		os.Mkdir(image, 0o755),
		os.Symlink(host, image+"/data"),
	); err != nil {
		return cleanup, err
	}
	r.Saw("link", "readlink "+image+"/data", host)
	r.Pass("host", host)
	r.Pass("image", image)
	return cleanup, nil
}

// mountVolume does as a runtime would. The image has what it wants when the folder of the
// host is covered: by a volume that whoever built the image may fill.
func mountVolume(a *proof.Attacker) error {
	if err := doMount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	place, err := resolve(a.Get("image"), "/data")
	a.Saw("the place of "+a.Get("image")+" + /data", answer(err))
	if err != nil {
		return err
	}
	defer place.Close()
	if err := mountOn(place); err != nil {
		return err
	}
	table, err := mountsOf(os.Getpid())
	if err != nil {
		return err
	}
	a.Saw("the volume in mountinfo", table[len(table)-1].Point)
	_, err = os.Stat(a.Get("host") + "/shadow")
	a.Saw("stat "+a.Get("host")+"/shadow", answer(err))
	if err == nil {
		return errors.New("the host's folder is not covered")
	}
	return nil
}

// honestFirst: not every link is an attack. One that leads to another folder of the image
// has to work, or half of all images would not start.
func honestFirst(r *proof.Report) error {
	machine, err := startActor(unix.CLONE_NEWNS)
	if err != nil {
		return err
	}
	defer machine.end()
	dir, err := os.MkdirTemp("", "symlink-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(
		os.MkdirAll(dir+"/image/srv/data", 0o755),
		os.Symlink("/srv/data", dir+"/image/data"), // absolute, as seen from inside
	); err != nil {
		return err
	}
	return machine.do(r, "honest-symlink", dir+"/image")
}

// honestSymlink runs in an actor.
func honestSymlink(say say, args []string) error {
	if err := doMount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	place, err := inRoot(args[0], "/data")
	say("honest", "an honest link, data -> /srv/data: openat2(image, \"/data\", RESOLVE_IN_ROOT)", answer(err))
	if err != nil {
		return err
	}
	defer place.Close()
	if err := mountOn(place); err != nil {
		return err
	}
	table, err := mountsOf(os.Getpid())
	if err != nil {
		return err
	}
	say("honest-point", "the volume in mountinfo", table[len(table)-1].Point)
	return nil
}
