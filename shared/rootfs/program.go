package rootfs

import (
	"fmt"
	"os"
	"path"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/join"
)

// Program is Enter for a process that cannot run Go: it writes the same calls down, in the
// same order and with the same care, and nothing is done yet. The reasons stand at Enter
// and below it. It differs where mount(2) takes nothing but a path: the program steps into
// the place, which it holds, and mounts on ".".
//
// What is asked of the host while it is written (is a volume a folder?) is asked again by
// the calls themselves.
func (c Config) Program(p *join.Program) (root join.Result, err error) {
	p.Call("umask(0)", unix.SYS_UMASK, 0)
	p.Call(`mount("/", MS_REC|MS_SLAVE)`, unix.SYS_MOUNT, "", "/", "", unix.MS_REC|unix.MS_SLAVE, 0)
	w := &writer{Program: p, name: c.Root, about: ""}
	w.openRoot(c)
	for _, m := range c.Mounts {
		w.mount(m)
	}
	w.fillDev(c.Devices, c.Links)
	for _, v := range c.Volumes {
		if err := w.bindVolume(v); err != nil {
			return root, fmt.Errorf("volume %s: %w", v, err)
		}
	}
	for _, name := range c.ReadOnlyPaths {
		w.makeReadOnly(name)
	}
	for _, name := range c.MaskedPaths {
		w.mask(name)
	}
	w.closeDown(c)
	w.pivot()
	return w.root, nil
}

// A writer writes them down.
type writer struct {
	*join.Program
	root  join.Result  // the new root, held
	name  any          // its name, a string: kept as what errors take
	about any          // what an error begins with: the volume that it is about
	null  *join.Result // its /dev/null, held, and looked at
	stat  uintptr      // where fstat(2) and fstatfs(2) write
}

var atCWD = func() uintptr { n := unix.AT_FDCWD; return uintptr(n) }()

func (w *writer) openRoot(c Config) {
	if o := c.Overlay; o != nil {
		w.Call(join.Textf("mount(%q, %q, %q, %q)", "overlay", o.Merged, "overlay", o.options(c.Root)),
			unix.SYS_MOUNT, "overlay", o.Merged, "overlay", 0, o.options(c.Root))
		w.name = o.Merged
	} else {
		w.Call(join.Textf("mount(%q, %q, MS_BIND|MS_REC)", c.Root, c.Root), unix.SYS_MOUNT, c.Root, c.Root, "", unix.MS_BIND|unix.MS_REC, 0)
	}
	w.root = w.Call(join.Textf("open(%q)", w.name), unix.SYS_OPENAT, atCWD, w.name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
	size := max(unsafe.Sizeof(unix.Stat_t{}), unsafe.Sizeof(unix.Statfs_t{}))
	w.stat = w.Memory(make([]byte, size))
}

// open finds a place in the root and holds it. kind is O_DIRECTORY, or 0 for whatever it is.
func (w *writer) open(name string, kind int, resolve uint64) join.Result {
	how := unix.OpenHow{Flags: uint64(unix.O_PATH | unix.O_CLOEXEC | kind), Resolve: resolve}
	format := "%sopenat2(%q, %q)"
	if resolve == noLinks {
		format = "%sopenat2(%q, %q), which must not be, or be below, a symbolic link"
	}
	// Somebody renames on the way; openat2(2) says to try again.
	return w.Call(join.Textf(format, w.about, w.name, name), unix.SYS_OPENAT2, w.root, name, join.Struct(how), unsafe.Sizeof(how)).Again(unix.EAGAIN)
}

// exists are the errnos of making what is there: a read-only root says EROFS, on some file
// systems. If it is not there after all, the next call that needs it will say so.
var exists = []unix.Errno{unix.EEXIST, unix.EROFS}

// folder holds a folder in the root; what is missing of it is made.
func (w *writer) folder(name string, resolve uint64) join.Result {
	at := "/"
	for _, part := range strings.Split(path.Clean("/"+name), "/") {
		if part == "" {
			continue
		}
		above := w.root
		if at != "/" {
			above = w.open(at, unix.O_DIRECTORY, resolve)
		}
		at = path.Join(at, part)
		w.Call(join.Textf("%smaking %s in the root file system", w.about, at), unix.SYS_MKDIRAT, above, part, 0o755).Ignore(exists...)
		if above != w.root {
			w.close(above)
		}
	}
	return w.open(at, unix.O_DIRECTORY, resolve)
}

// file holds a file in the root; one that is missing is made, and is empty.
func (w *writer) file(name string, resolve uint64) join.Result {
	dir, base := path.Split(path.Clean("/" + name))
	above := w.folder(dir, resolve)
	w.Call(join.Textf("%smaking %s in the root file system", w.about, name), unix.SYS_MKNODAT, above, base, unix.S_IFREG|0o644, 0).Ignore(exists...)
	w.close(above)
	return w.open(name, 0, resolve)
}

// close is for what there may be any number of, the volumes and their folders. The rest, some
// dozens, is closed before the command runs.
func (w *writer) close(fds ...join.Result) {
	for _, fd := range fds {
		w.Call("close", unix.SYS_CLOSE, fd)
	}
}

func (w *writer) mount(m Mount) {
	w.Call(join.Textf("fchdir(%q)", m.Target), unix.SYS_FCHDIR, w.folder(m.Target, noLinks))
	w.Call(join.Textf("mount(%q, %q, %q, %#x, %q)", m.Source, m.Target, m.Type, m.Flags, m.Data),
		unix.SYS_MOUNT, m.Source, ".", m.Type, m.Flags, m.Data)
	if want, known := magic[m.Type]; known {
		w.fstatfs(m.Target, w.open(m.Target, 0, noLinks))
		w.isFS(join.Textf("%s in the root file system is no %s", m.Target, m.Type), want)
	}
}

func (w *writer) fstatfs(name string, fd join.Result) {
	w.Call(join.Textf("fstatfs(%q)", name), unix.SYS_FSTATFS, fd, w.stat)
}

func (w *writer) isFS(what any, magic int64) {
	w.Check(what, w.stat+unsafe.Offsetof(unix.Statfs_t{}.Type), 1<<32-1, uint64(magic), unix.EINVAL)
}

func (w *writer) fillDev(devices []Device, links []Link) {
	if len(devices)+len(links) == 0 {
		return
	}
	dev := w.open("/dev", 0, noLinks)
	w.fstatfs("/dev", dev)
	w.isFS("devices need a tmpfs on /dev", unix.TMPFS_MAGIC)
	for _, d := range devices {
		w.makeDevice(dev, d)
	}
	for _, l := range links {
		w.Call(join.Textf("symlinkat(%q, /dev, %q)", l.Target, l.Name), unix.SYS_SYMLINKAT, l.Target, dev, l.Name)
	}
}

func (w *writer) makeDevice(dev join.Result, d Device) {
	borrow, done := &join.Label{}, &join.Label{}
	what := join.Textf("/dev/%s: ", d.Name)
	number := unix.Mkdev(d.Major, d.Minor)
	w.Call(join.Textf("%smknod(%d:%d)", what, d.Major, d.Minor), unix.SYS_MKNODAT, dev, d.Name, unix.S_IFCHR|d.Mode, number).On(unix.EPERM, borrow)
	node := w.node(what, dev, d.Name)
	w.bind(what, node, node, false, 0)
	w.Go(done)

	w.Here(borrow) // in a user namespace nobody makes nodes: the host's
	w.Call(join.Textf("%smknod(a file)", what), unix.SYS_MKNODAT, dev, d.Name, unix.S_IFREG|0o644, 0)
	place := w.node(what, dev, d.Name)
	host := w.node(what, atCWD, "/dev/"+d.Name)
	w.isDevice(host, d)
	w.bind(what, host, place, false, 0)
	w.Here(done)
}

func (w *writer) node(what *join.Text, dir any, name string) join.Result {
	return w.Call(join.Textf("%sopenat(%q)", what, name), unix.SYS_OPENAT, dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
}

func (w *writer) isDevice(fd join.Result, d Device) {
	what := join.Textf("%s is not the character device %d:%d", d.Name, d.Major, d.Minor)
	w.Call(join.Textf("fstat(%q)", d.Name), unix.SYS_FSTAT, fd, w.stat)
	w.Check(what, w.stat+unsafe.Offsetof(unix.Stat_t{}.Mode), unix.S_IFMT, unix.S_IFCHR, unix.ENODEV)
	w.Check(what, w.stat+unsafe.Offsetof(unix.Stat_t{}.Rdev), 1<<32-1, unix.Mkdev(d.Major, d.Minor), unix.ENODEV)
}

// bind shows what source holds at the place that target holds, with all that is mounted
// below it if it is a folder.
func (w *writer) bind(what *join.Text, source, target join.Result, folder bool, attr uint64) (tree join.Result) {
	flags := unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_EMPTY_PATH
	if folder {
		flags |= unix.AT_RECURSIVE
	}
	tree = w.Call(join.Textf("%sopen_tree(OPEN_TREE_CLONE)", what), unix.SYS_OPEN_TREE, source, "", flags)
	w.setAttr(what, tree, attr, folder)
	w.Call(join.Textf("%smove_mount", what), unix.SYS_MOVE_MOUNT, tree, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	return tree
}

func (w *writer) setAttr(what *join.Text, fd join.Result, attr uint64, recursive bool) {
	if attr == 0 {
		return
	}
	flags := unix.AT_EMPTY_PATH
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	set := unix.MountAttr{Attr_set: attr}
	w.Call(join.Textf("%smount_setattr(%#x)", what, attr), unix.SYS_MOUNT_SETATTR, fd, "", flags, join.Struct(set), unsafe.Sizeof(set))
}

func (w *writer) bindVolume(v Volume) error {
	info, err := os.Stat(v.Source)
	if err != nil {
		return err
	}
	what := join.Textf("volume %s: ", v)
	w.about = what
	defer func() { w.about = "" }()
	kind, place := 0, w.file
	if info.IsDir() {
		kind, place = unix.O_DIRECTORY, w.folder
	}
	source := w.Call(join.Textf("%sopen(%q)", what, v.Source), unix.SYS_OPENAT, atCWD, v.Source, unix.O_PATH|unix.O_CLOEXEC|kind)
	target := place(v.Target, withLinks)
	w.fstatfs(v.Target, target)
	for name, number := range magic {
		w.CheckNot(join.Textf("%s%s is in a %s: nothing can be mounted there", what, v.Target, name),
			w.stat+unsafe.Offsetof(unix.Statfs_t{}.Type), 1<<32-1, uint64(number), unix.EPERM)
	}
	attr := uint64(unix.MOUNT_ATTR_NODEV)
	if v.ReadOnly {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	w.close(w.bind(what, source, target, info.IsDir(), attr), source, target)
	return nil
}

func (w *writer) makeReadOnly(name string) {
	file, done := &join.Label{}, &join.Label{}
	what := join.Textf("making %s read-only: ", name)
	folder := w.open(name, unix.O_DIRECTORY, noLinks).On(unix.ENOENT, done).On(unix.ENOTDIR, file)
	w.bind(what, folder, folder, true, unix.MOUNT_ATTR_RDONLY)
	w.Go(done)
	w.Here(file)
	other := w.open(name, 0, noLinks)
	w.bind(what, other, other, false, unix.MOUNT_ATTR_RDONLY)
	w.Here(done)
}

func (w *writer) mask(name string) {
	if w.null == nil {
		null := w.open("/dev/null", 0, noLinks)
		w.isDevice(null, Device{Name: "null", Major: 1, Minor: 3})
		w.null = &null
	}
	file, done := &join.Label{}, &join.Label{}
	folder := w.open(name, unix.O_DIRECTORY, noLinks).On(unix.ENOENT, done).On(unix.ENOTDIR, file)
	w.Call(join.Textf("fchdir(%q)", name), unix.SYS_FCHDIR, folder)
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	w.Call(join.Textf("mount(%q, %q, %q)", "tmpfs", name, "tmpfs"), unix.SYS_MOUNT, "tmpfs", ".", "tmpfs", flags, "size=0k")
	w.Go(done)
	w.Here(file)
	other := w.open(name, 0, noLinks)
	w.bind(join.Textf("masking %s: ", name), *w.null, other, false, unix.MOUNT_ATTR_RDONLY)
	w.Here(done)
}

func (w *writer) closeDown(c Config) {
	var attr uint64
	if c.NoDev {
		attr |= unix.MOUNT_ATTR_NODEV
	}
	if c.ReadOnly {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	w.setAttr(join.Textf("the root: "), w.root, attr, false)
	if c.NoDev && len(c.Devices) > 0 {
		w.setAttr(join.Textf("/dev: "), w.open("/dev", 0, noLinks), unix.MOUNT_ATTR_NODEV, false)
	}
}

func (w *writer) pivot() {
	w.Call(join.Textf("fchdir(%q)", w.name), unix.SYS_FCHDIR, w.root)
	w.Call(join.Textf("pivot_root(%q)", w.name), unix.SYS_PIVOT_ROOT, ".", ".")
	w.Call("umount2(the old root, MNT_DETACH)", unix.SYS_UMOUNT2, ".", unix.MNT_DETACH)
	w.Call(`chdir("/")`, unix.SYS_CHDIR, "/")
}
