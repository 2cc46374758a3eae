package rootfs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/join"
	"mydocker.example/shared/labtest"
	"mydocker.example/shared/reexec"
)

// These tests enter roots, in a child with a mount namespace, and only in the lab.

func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

func init() { reexec.Register("inside", inside) }

// inside runs in the child: after clone(2) with CLONE_NEWNS. It enters, then runs a script.
func inside() {
	var c Config
	err := json.Unmarshal([]byte(os.Args[1]), &c)
	if err == nil {
		err = c.Enter()
	}
	if err == nil {
		err = CloseOnExec()
	}
	if err == nil {
		err = unix.Exec("/bin/sh", []string{"sh", "-c", os.Args[2]}, []string{"PATH=/bin"})
	}
	fmt.Println(err)
	os.Exit(1)
}

// userNS has run enter a user namespace too, where nobody makes device nodes.
var userNS bool

// run runs a script in the tree and returns what it printed, or why it never ran.
func run(t *testing.T, c Config, script string, inherited ...*os.File) (string, error) {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	cmd := reexec.Command("inside", string(text), script)
	outcome := func() error { return nil }
	if written {
		if cmd, outcome, err = program(t, c, script); err != nil {
			return err.Error(), err
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	}
	if userNS {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER | unix.CLONE_NEWNET // sysfs belongs to a network namespace
		one := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = one, one
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, inherited...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	failure := outcome()
	if err = cmd.Wait(); failure != nil {
		return failure.Error(), failure
	}
	return strings.TrimSpace(out.String()), err
}

// written has run use the Program of a Config, and not Enter.
var written bool

// program is the command that is made of it, and what waits for its outcome.
func program(t *testing.T, c Config, script string) (*exec.Cmd, func() error, error) {
	t.Helper()
	p := join.NewProgram()
	p.Begin()
	p.AwaitByte(join.Report)
	if _, err := c.Program(p); err != nil {
		return nil, nil, err
	}
	p.Command(&join.Cmd{Args: []string{"sh", "-c", script}, Env: []string{"PATH=/bin"}, KeepGroups: userNS})
	file, err := p.File("test")
	require.NoError(t, err)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	ours, theirs := os.NewFile(uintptr(fds[0]), "report"), os.NewFile(uintptr(fds[1]), "report")
	t.Cleanup(func() { file.Close(); ours.Close() })
	cmd := &exec.Cmd{Path: fmt.Sprintf("/proc/self/fd/%d", file.Fd()), Args: []string{"test"}, Env: []string{}, ExtraFiles: []*os.File{theirs}}
	return cmd, func() error {
		theirs.Close()
		if _, err := ours.Write([]byte{1}); err != nil {
			return err
		}
		return p.Outcome(ours)
	}, nil
}

// What holds for Enter holds for its Program.
func TestProgram(t *testing.T) {
	written = true
	defer func() { written = false }()
	for name, test := range map[string]func(t *testing.T){
		"Enter": TestEnter, "ZeroConfigChangesNothing": TestZeroConfigChangesNothing,
		"ReadOnlyAndMaskedPaths": TestReadOnlyAndMaskedPaths, "NoOtherDevice": TestNoOtherDevice,
		"UserNamespace": TestUserNamespace, "LinkInPlaceOfAKernelFileSystem": TestLinkInPlaceOfAKernelFileSystem,
		"Volumes": TestVolumes, "VolumeOnALink": TestVolumeOnALink, "Overlay": TestOverlay, "CloseOnExec": TestCloseOnExec,
	} {
		t.Run(name, test)
	}
}

// says requires a script to end well and to print want.
func says(t *testing.T, c Config, script, want string) {
	t.Helper()
	out, err := run(t, c, script)
	require.NoError(t, err, out)
	require.Equal(t, want, out, script)
}

// refuses requires that the script never runs.
func refuses(t *testing.T, c Config, why string) {
	t.Helper()
	out, err := run(t, c, "echo it ran")
	require.Error(t, err, out)
	require.Contains(t, out, why)
}

// lab gives a config with a busybox root, and the folder that the root is in.
func lab(t *testing.T) (c Config, dir string) {
	t.Helper()
	labtest.NeedLab(t)
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	dir = t.TempDir()
	c = Defaults()
	c.Root = dir + "/root"
	require.NoError(t, Default(c.Root))
	return c, dir
}

func TestEnter(t *testing.T) {
	c, dir := lab(t)
	says(t, c, "ls -d "+dir+" 2>/dev/null || echo no host; ls /.. | wc -l; pwd", "no host\n13\n/")
	says(t, c, "echo x >/dev/null; head -c2 /dev/zero | wc -c; stat -c %a:%t:%T /dev/tty", "2\n666:5:0")
	says(t, c, "readlink /dev/fd; readlink /dev/ptmx; echo hi >/dev/stdout", "/proc/self/fd\npts/ptmx\nhi")
	says(t, c, "touch /dev/shm/x && ls /dev/shm; ls -d /proc/[0-9]* | head -1", "x\n/proc/1")
	says(t, c, "wc -l </proc/mounts", fmt.Sprint(expectedMounts(c)))

	defer unix.Umask(unix.Umask(0o077))
	require.NoError(t, os.Remove(c.Root+"/sys"))
	if written { // a command's umask is docker's
		says(t, c, "stat -c %a /dev/null; umask", "666\n0022")
	} else {
		says(t, c, "stat -c %a /dev/null; umask", "666\n0077")
	}
	info, err := os.Stat(c.Root + "/sys")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm())
}

// expectedMounts: the root, the table, one for each device, and one for each path that this
// kernel has.
func expectedMounts(c Config) int {
	n := 1 + len(c.Mounts) + len(c.Devices)
	for _, path := range append(append([]string{}, c.ReadOnlyPaths...), c.MaskedPaths...) {
		if _, err := os.Stat(path); err == nil {
			n++
		}
	}
	return n
}

func TestZeroConfigChangesNothing(t *testing.T) {
	c, _ := lab(t)
	says(t, Config{Root: c.Root}, "ls /proc /dev | tr '\\n' ' '; touch /tmp/x && echo written", "/dev:  /proc: written")
}

func TestReadOnlyAndMaskedPaths(t *testing.T) {
	c, _ := lab(t)
	const write = "f=/proc/sys/kernel/core_pattern; v=$(cat $f); echo \"$v\" 2>/dev/null >$f && echo written || echo refused"
	says(t, c, write, "refused")
	says(t, c, "wc -c </proc/timer_list; ls /sys/firmware | wc -l; stat -c %t:%T /proc/kcore", "0\n0\n1:3")
	says(t, c, "touch /sys/x 2>/dev/null || echo refused", "refused")

	c.ReadOnlyPaths, c.MaskedPaths = nil, nil // the control
	says(t, c, write, "written")
	says(t, c, "head -c1 /proc/timer_list | wc -c", "1")
}

func TestNoOtherDevice(t *testing.T) {
	c, dir := lab(t)
	// The lab's /tmp is closed to devices, whatever we do.
	require.NoError(t, os.Mkdir(dir+"/open", 0o755))
	require.NoError(t, unix.Mount("open", dir+"/open", "tmpfs", 0, ""))
	t.Cleanup(func() { unix.Unmount(dir+"/open", unix.MNT_DETACH) })
	c.Root = dir + "/open/root"
	require.NoError(t, Default(c.Root))
	const try = "for d in /tmp /dev; do mknod $d/x c 1 3 && (echo >$d/x) 2>/dev/null && echo opened || echo shut; rm $d/x; done"
	says(t, c, try, "shut\nshut")
	c.NoDev = false // the control
	says(t, c, try, "opened\nopened")
}

func TestUserNamespace(t *testing.T) {
	c, dir := lab(t)
	userNS = true
	t.Cleanup(func() { userNS = false })
	require.NoError(t, os.Mkdir(dir+"/vol", 0o755))
	c.Volumes = []Volume{{dir + "/vol", "/v", true}}
	says(t, c, "echo x >/dev/null; head -c2 /dev/zero | wc -c; stat -c %t:%T /dev/tty /proc/kcore; touch /v/x 2>/dev/null || echo refused",
		"2\n5:0\n1:3\nrefused")
	says(t, c, "wc -l </proc/mounts", fmt.Sprint(expectedMounts(c)+1))
}

// CVE-2019-19921 and its kin: a link where a file system of the kernel belongs.
func TestLinkInPlaceOfAKernelFileSystem(t *testing.T) {
	for _, name := range []string{"proc", "dev", "sys"} {
		t.Run(name, func(t *testing.T) {
			c, dir := lab(t)
			require.NoError(t, os.Mkdir(dir+"/host", 0o755))
			require.NoError(t, os.Remove(filepath.Join(c.Root, name)))
			require.NoError(t, os.Symlink(dir+"/host", filepath.Join(c.Root, name)))
			refuses(t, c, "must not be, or be below, a symbolic link")
			entries, err := os.ReadDir(dir + "/host")
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

func TestVolumes(t *testing.T) {
	c, dir := lab(t)
	require.NoError(t, os.MkdirAll(dir+"/vol/sub", 0o755))
	require.NoError(t, os.WriteFile(dir+"/vol/file", []byte("text"), 0o644))
	with := func(volumes ...Volume) Config {
		c := c
		c.Volumes = volumes
		return c
	}
	says(t, with(Volume{dir + "/vol", "/not/yet", false}), "cat /not/yet/file; touch /not/yet/new && echo written", "textwritten")
	require.FileExists(t, dir+"/vol/new")
	says(t, with(Volume{dir + "/vol/file", "/etc/one-file", true}), "cat /etc/one-file; echo x 2>/dev/null >/etc/one-file || echo refused", "textrefused")
	says(t, with(Volume{dir + "/vol", "/v", true}), "touch /v/x 2>/dev/null || echo refused", "refused")

	// As many as one likes: none of them stays open.
	var many []Volume
	for i := range 200 {
		many = append(many, Volume{dir + "/vol/file", fmt.Sprintf("/far/below/the/root/%d", i), true})
	}
	says(t, with(many...), "cat /far/below/the/root/* | wc -c", "800")

	// Read-only with all that is mounted below.
	require.NoError(t, unix.Mount("below", dir+"/vol/sub", "tmpfs", 0, ""))
	t.Cleanup(func() { unix.Unmount(dir+"/vol/sub", unix.MNT_DETACH) })
	says(t, with(Volume{dir + "/vol", "/v", true}), "touch /v/sub/x 2>/dev/null || echo refused; grep -c below /proc/mounts", "refused\n1")
	says(t, with(Volume{dir + "/vol", "/v", false}), "touch /v/sub/x && echo written", "written")

	refuses(t, with(Volume{dir + "/vol", "/proc/sys", false}), "nothing can be mounted there")
	refuses(t, with(Volume{dir + "/vol", "/sys/firmware", false}), "nothing can be mounted there")
	refuses(t, with(Volume{dir + "/missing", "/v", false}), "no such file or directory")
	refuses(t, with(Volume{dir + "/vol", "/etc/passwd", false}), "not a directory")
	refuses(t, with(Volume{dir + "/vol", "/etc/passwd", false}), "volume "+dir+"/vol:/etc/passwd: ")
}

// CVE-2021-30465: links in the rootfs, honest and not, and one that is exchanged meanwhile.
func TestVolumeOnALink(t *testing.T) {
	c, dir := lab(t)
	require.NoError(t, os.MkdirAll(dir+"/vol", 0o755))
	require.NoError(t, os.Mkdir(dir+"/host", 0o755))
	require.NoError(t, os.WriteFile(dir+"/vol/file", []byte("text"), 0o644))
	require.NoError(t, os.MkdirAll(c.Root+"/srv/data", 0o755))
	require.NoError(t, os.Symlink("/srv/data", c.Root+"/honest"))
	require.NoError(t, os.Symlink(dir+"/host", c.Root+"/absolute"))
	require.NoError(t, os.Symlink("../../../../.."+dir+"/host", c.Root+"/relative"))
	for target, inside := range map[string]string{
		"/honest": "/srv/data", "/honest/../../../srv/data": "/srv/data",
	} {
		c.Volumes = []Volume{{dir + "/vol", target, false}}
		says(t, c, "cat "+inside+"/file", "text")
	}
	for _, target := range []string{"/absolute", "/relative", "/absolute/x"} {
		c.Volumes = []Volume{{dir + "/vol", target, false}}
		refuses(t, c, "no such file or directory")
	}

	require.NoError(t, os.Mkdir(c.Root+"/a", 0o755))
	require.NoError(t, os.Symlink(dir+"/host", c.Root+"/b"))
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				unix.Renameat2(unix.AT_FDCWD, c.Root+"/a", unix.AT_FDCWD, c.Root+"/b", unix.RENAME_EXCHANGE)
			}
		}
	}()
	c.Volumes = []Volume{{dir + "/vol", "/a", false}}
	inside := 0
	for range 15 {
		// Where it got in, it is in: at /a or at /b, whichever name the folder has by now.
		out, err := run(t, c, "grep -c ' /[ab] ' /proc/mounts")
		if err == nil {
			require.Equal(t, "1", out)
			inside++
		}
	}
	close(stop)
	<-stopped
	require.NotZero(t, inside, "the race was never won by us: nothing was tested")
}

func TestOverlay(t *testing.T) {
	c, dir := lab(t)
	o := Overlay{Upper: dir + "/up,per", Work: dir + "/work", Merged: dir + "/merged"}
	for _, path := range []string{o.Upper, o.Work, o.Merged} {
		require.NoError(t, os.Mkdir(path, 0o755))
	}
	require.NoError(t, os.Rename(c.Root, dir+"/ro:ot"))
	c.Root, c.Overlay = dir+"/ro:ot", &o
	says(t, c, "echo changed >/etc/hostname; touch /new; cat /etc/hostname", "changed")
	require.FileExists(t, o.Upper+"/new")
	require.NoFileExists(t, c.Root+"/new")
	text, err := os.ReadFile(c.Root + "/etc/hostname")
	require.NoError(t, err)
	require.Equal(t, "mydocker\n", string(text))
	entries, err := os.ReadDir(o.Merged)
	require.NoError(t, err)
	require.Empty(t, entries, "seen in the child's namespace only")

	c.ReadOnly = true
	says(t, c, "touch /x 2>/dev/null || echo refused; touch /dev/shm/x && echo written", "refused\nwritten")
}

// CVE-2024-21626: a folder of the host that was open.
func TestCloseOnExec(t *testing.T) {
	c, dir := lab(t)
	require.NoError(t, os.WriteFile(dir+"/host", nil, 0o600))
	open, err := os.Open(dir)
	require.NoError(t, err)
	defer open.Close()
	// The sleep: while the shell makes its pipeline, it has the ends of the pipe itself.
	out, err := run(t, c, "ls /proc/self/fd/3/ 2>/dev/null; { sleep 1; ls /proc/$$/fd; } | tr '\\n' ' '", open)
	require.NoError(t, err)
	require.Equal(t, "0 1 2", out)
}
