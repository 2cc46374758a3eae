package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// Overlay: several folders that show as one. The layers below are read, the one on top is
// written to.

const (
	lowerDir = "/layers/lower" // the image
	upperDir = "/layers/upper" // what this container has changed
	workDir  = "/layers/work"  // the kernel's own scratch room, on the file system of upper
	merged   = "/merged"       // what the container sees
)

// overlayMount is the whole of it: one mount(2). Several lower layers are separated by
// colons, the topmost first.
func overlayMount() error {
	return doMount("overlay", merged, "overlay", 0,
		fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lowerDir, upperDir, workDir))
}

// makeLayers runs in an actor, which is a machine in miniature: / is a tmpfs.
func makeLayers() error {
	return errors.Join(
		os.MkdirAll(lowerDir+"/etc", 0o755), os.MkdirAll(upperDir, 0o755),
		os.MkdirAll(workDir, 0o755), os.MkdirAll(merged, 0o755),
		os.WriteFile(lowerDir+"/etc/motd", []byte("from the image"), 0o644),
		os.WriteFile(lowerDir+"/etc/passwd", []byte("root"), 0o644),
		os.WriteFile(lowerDir+"/etc/hosts", []byte("localhost"), 0o644),
	)
}

// overlayCopyUp: what a write does.
var overlayCopyUp = proof.Proof{
	ID: "overlay-copy-up",
	Guest: func(r *proof.Report) error {
		machine, err := startMachine(r)
		if err != nil {
			return err
		}
		defer machine.end()
		return machine.do(r, "overlay")
	},
	Judge: func(s *proof.Seen) {
		s.Equal("through", "from the image")
		s.Equal("upper-before", "(nothing)")
		s.Equal("upper-read", "(nothing)") // reading copies nothing
		s.Equal("merged", "from the image, and from the container")
		s.Equal("upper-after", "etc/ etc/motd")
		s.Equal("upper-text", "from the image, and from the container")
		s.Equal("lower-text", "from the image")
		s.Equal("below-motd", "from the image, and from the container")
		s.Equal("below-hosts", "changed below")
	},
}

// overlayScene runs in an actor.
func overlayScene(say say, _ []string) error {
	if err := errors.Join(makeLayers(), overlayMount()); err != nil {
		return err
	}
	say("upper-before", "ls -R "+upperDir, tree(upperDir))
	say("through", "cat /merged/etc/motd", text(merged+"/etc/motd"))
	say("upper-read", "ls -R "+upperDir+", after reading", tree(upperDir))

	f, err := os.OpenFile(merged+"/etc/motd", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(", and from the container")
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	say("merged", "after echo >>/merged/etc/motd: cat /merged/etc/motd", text(merged+"/etc/motd"))
	say("upper-after", "ls -R "+upperDir, tree(upperDir))
	say("upper-text", "cat "+upperDir+"/etc/motd", text(upperDir+"/etc/motd"))
	say("lower-text", "cat "+lowerDir+"/etc/motd", text(lowerDir+"/etc/motd"))

	// Now from below. A layer must not change under a mounted overlay: what then happens is
	// not defined. So: unmount, change, mount.
	if err := errors.Join(
		doUmount(merged, 0),
		os.WriteFile(lowerDir+"/etc/motd", []byte("changed below"), 0o644),
		os.WriteFile(lowerDir+"/etc/hosts", []byte("changed below"), 0o644),
		overlayMount(),
	); err != nil {
		return err
	}
	say("below-motd", "both files were changed in the lower layer: cat /merged/etc/motd", text(merged+"/etc/motd"))
	say("below-hosts", "cat /merged/etc/hosts", text(merged+"/etc/hosts"))
	return nil
}

// overlayWhiteout: what a removal does, where nothing may be removed.
var overlayWhiteout = proof.Proof{
	ID: "overlay-whiteout",
	Guest: func(r *proof.Report) error {
		machine, err := startMachine(r)
		if err != nil {
			return err
		}
		defer machine.end()
		return machine.do(r, "whiteout")
	},
	Judge: func(s *proof.Seen) {
		s.Equal("merged", "etc/ etc/hosts etc/motd")
		s.Equal("whiteout", "character device 0:0")
		s.Equal("lower", "root")
		s.Equal("again", "ok")
		s.Equal("back", "root")
		s.Equal("opaque", "y")
		s.Equal("opaque-merged", "etc/ etc/new")
		s.Equal("opaque-lower", "etc/ etc/hosts etc/motd etc/passwd")
	},
}

// whiteoutScene runs in an actor.
func whiteoutScene(say say, _ []string) error {
	if err := errors.Join(makeLayers(), overlayMount(), os.Remove(merged+"/etc/passwd")); err != nil {
		return err
	}
	say("merged", "after rm /merged/etc/passwd: ls -R /merged", tree(merged))
	say("whiteout", "stat "+upperDir+"/etc/passwd", node(upperDir+"/etc/passwd"))
	say("lower", "cat "+lowerDir+"/etc/passwd", text(lowerDir+"/etc/passwd"))

	// Take the mark away, and the file is back. Again: not under a mounted overlay.
	say("again", "umount, rm "+upperDir+"/etc/passwd, mount", answer(errors.Join(
		doUmount(merged, 0), os.Remove(upperDir+"/etc/passwd"), overlayMount())))
	say("back", "cat /merged/etc/passwd", text(merged+"/etc/passwd"))

	// A folder that is removed and made again must not show what the old one held.
	if err := errors.Join(
		os.RemoveAll(merged+"/etc"), os.Mkdir(merged+"/etc", 0o755),
		os.WriteFile(merged+"/etc/new", nil, 0o644),
	); err != nil {
		return err
	}
	value := make([]byte, 8)
	const xattr = "trusted.overlay.opaque"
	n, err := unix.Getxattr(upperDir+"/etc", xattr, value)
	if err != nil {
		return fmt.Errorf("getxattr(%q, %q): %w", upperDir+"/etc", xattr, err)
	}
	say("opaque", "after rm -r etc; mkdir etc: getfattr -n "+xattr+" "+upperDir+"/etc", string(value[:n]))
	say("opaque-merged", "ls -R /merged", tree(merged))
	say("opaque-lower", "ls -R "+lowerDir, tree(lowerDir))
	return nil
}

// text is what a file holds, or the errno.
func text(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return answer(err)
	}
	return string(b)
}

// tree lists what is below a folder: "etc/ etc/motd".
func tree(dir string) string {
	var out []string
	var walk func(string)
	walk = func(path string) {
		entries, err := os.ReadDir(dir + "/" + path)
		if err != nil {
			out = append(out, answer(err))
		}
		for _, e := range entries {
			if e.IsDir() {
				out = append(out, path+e.Name()+"/")
				walk(path + e.Name() + "/")
				continue
			}
			out = append(out, path+e.Name())
		}
	}
	walk("")
	if out == nil {
		return "(nothing)"
	}
	return strings.Join(out, " ")
}

// node says what a path is, if it is a device.
func node(path string) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return answer(err)
	}
	kind := map[uint32]string{unix.S_IFCHR: "character device", unix.S_IFBLK: "block device"}[st.Mode&unix.S_IFMT]
	if kind == "" {
		return "no device"
	}
	return fmt.Sprintf("%s %d:%d", kind, unix.Major(st.Rdev), unix.Minor(st.Rdev))
}
