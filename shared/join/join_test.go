package join

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
	"mydocker.example/shared/reexec"
)

func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

// A container is a process in namespaces of its own, with its own /proc.
type container struct {
	cmd   *exec.Cmd
	pidfd int
	out   *printed
}

// printed is what the container prints, as far as it has come.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *printed) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *printed) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *printed) wait(t *testing.T, word string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(b.String(), word) }, time.Minute, time.Millisecond, "%q in %q", word, b)
}

const everything = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

// live starts a container. With a user namespace, its root is the user outside. stage is
// what runs in it.
func live(t *testing.T, flags, outside int, stage ...string) *container {
	t.Helper()
	if stage == nil {
		stage = []string{"container"}
	}
	c := &container{cmd: reexec.Command(stage[0], stage[1:]...), out: &printed{}}
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.out
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(flags), PidFD: &c.pidfd}
	if flags&unix.CLONE_NEWUSER != 0 {
		one := []syscall.SysProcIDMap{{ContainerID: 0, HostID: outside, Size: 1}}
		c.cmd.SysProcAttr.UidMappings, c.cmd.SysProcAttr.GidMappings = one, one
		if os.Getuid() == 0 {
			c.cmd.SysProcAttr.Credential = &syscall.Credential{NoSetGroups: true}
		} else {
			c.cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
	}
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() { c.cmd.Process.Kill(); c.cmd.Wait() })
	c.out.wait(t, "ready\n")
	return c
}

func init() { reexec.Register("container", func() { furnish(func() {}); time.Sleep(time.Hour) }) }

// furnish is the container's side of live; last is its last step.
func furnish(last func()) {
	steps := []error{
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("proc", "/proc", "proc", 0, ""),
		unix.Sethostname([]byte("inside")),
	}
	for _, err := range steps {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	last()
	fmt.Println("ready")
}

// joining is a command in the container, as one would have it.
func (c *container) joining(t *testing.T, args ...string) *Cmd {
	t.Helper()
	flags, err := Differing(c.pidfd)
	require.NoError(t, err)
	return &Cmd{Target: c.pidfd, Namespaces: flags, Args: args, Env: []string{"PATH=/usr/bin:/bin"},
		KeepGroups: flags&unix.CLONE_NEWUSER != 0, Session: true, Keyring: true, NoNewPrivs: true}
}

// run runs the command to its end.
func run(t *testing.T, c *Cmd) string {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	c.Stdout, c.Stderr = w, w
	p, err := c.Start()
	w.Close()
	require.NoError(t, err)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	state, err := p.Wait()
	require.NoError(t, err)
	require.True(t, state.Success(), "%v: %s", state, out)
	return string(out)
}

// ways are root's container without and with a user namespace.
var ways = map[string]int{"root": everything, "root, and a user namespace": everything | unix.CLONE_NEWUSER}

const stranger = 100_000 // who is the container's root outside

func namespaces(t *testing.T, pid string) (links []string) {
	t.Helper()
	for _, k := range kindNames() {
		link, err := os.Readlink("/proc/" + pid + "/ns/" + k)
		require.NoError(t, err)
		links = append(links, link)
	}
	return links
}

func kindNames() (names []string) {
	for _, k := range links {
		names = append(names, k.name)
	}
	return names
}

func TestJoinsAllNamespaces(t *testing.T) {
	labtest.NeedRoot(t)
	for name, flags := range ways {
		t.Run(name, func(t *testing.T) {
			c := live(t, flags, stranger)
			before := namespaces(t, "self")
			out := run(t, c.joining(t, "sh", "-c", "for k in "+strings.Join(kindNames(), " ")+"; do readlink /proc/self/ns/$k; done; echo $$; hostname; id -u; id -G"))
			lines := strings.Split(out, "\n")
			assert.Equal(t, namespaces(t, strconv.Itoa(c.cmd.Process.Pid)), lines[:8])
			pid, err := strconv.Atoi(lines[8])
			require.NoError(t, err)
			assert.Less(t, pid, 1000, "a number of the container's")
			assert.Equal(t, "inside", lines[9])
			assert.Equal(t, "0", lines[10])
			assert.Equal(t, before, namespaces(t, "self"))
			threads, err := filepath.Glob("/proc/self/task/*")
			require.NoError(t, err)
			for _, thread := range threads { // not one of ours has gone anywhere
				assert.Equal(t, before, namespaces(t, "self/task/"+filepath.Base(thread)))
			}
		})
	}
}

// needUserNS: in the lab an ordinary user may make user namespaces; elsewhere perhaps not.
func needUserNS(t *testing.T) {
	t.Helper()
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	if err := cmd.Run(); err != nil && os.Getenv("COURSE_LAB") == "" {
		t.Skip(err)
	}
}

// A container without root: the same calls, by one who has rights in it and nowhere else.
func student(t *testing.T) {
	c := live(t, everything|unix.CLONE_NEWUSER, os.Getuid())
	join := c.joining(t, "sh", "-c", "readlink /proc/self/ns/user /proc/self/ns/net; id -u; grep CapEff /proc/self/status; hostname joined && hostname; cat /proc/self/oom_score_adj")
	adj := 100
	join.OOMScoreAdj = &adj
	join.Caps = &Capabilities{Bounding: 1 << unix.CAP_SYS_ADMIN, Effective: 1 << unix.CAP_SYS_ADMIN, Permitted: 1 << unix.CAP_SYS_ADMIN}
	lines := strings.Split(run(t, join), "\n")
	theirs := namespaces(t, strconv.Itoa(c.cmd.Process.Pid))
	assert.Equal(t, theirs[0], lines[0])
	assert.Equal(t, theirs[6], lines[1])
	assert.Equal(t, "0", lines[2])
	assert.Equal(t, "CapEff:\t0000000000200000", lines[3])
	assert.Equal(t, "joined", lines[4])
	assert.Equal(t, "100", lines[5])
}

func TestRootless(t *testing.T) {
	if os.Getuid() != 0 {
		needUserNS(t)
		student(t)
		return
	}
	again(t, "TestRootless")
}

// again runs a test of this program as an ordinary user.
func again(t *testing.T, name string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "join") // t.TempDir is root's alone, and so may TMPDIR be
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	data, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	program := dir + "/join.test"
	require.NoError(t, os.WriteFile(program, data, 0o755))
	cmd := exec.Command(program, "-test.v", "-test.run=^"+name+"$")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip(string(out))
	}
}

// No descriptor of ours gets in, whether it is close-on-exec or not.
func TestNoDescriptorGetsIn(t *testing.T) {
	labtest.NeedRoot(t)
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY, 0) // not O_CLOEXEC
	require.NoError(t, err)
	defer unix.Close(root)
	high, err := unix.FcntlInt(uintptr(root), unix.F_DUPFD, 900)
	require.NoError(t, err)
	defer unix.Close(high)
	c := live(t, everything, 0)
	out := run(t, c.joining(t, "sh", "-c", "cd /proc/self/fd && echo *"))
	assert.Equal(t, "0 1 2\n", strings.ReplaceAll(out, " 3\n", "\n"), "3 is the shell's own")
}

func status(t *testing.T, text, key string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Fatalf("no %s in %s", key, text)
	return ""
}

func TestWhatTheCommandIs(t *testing.T) {
	labtest.NeedRoot(t)
	c := live(t, everything, 0)
	adj := 77
	const some = 1<<unix.CAP_CHOWN | 1<<unix.CAP_KILL
	join := c.joining(t, "sh", "-c", "cat /proc/self/status; echo adj: $(cat /proc/self/oom_score_adj); echo files: $(ulimit -n); echo session: $(cut -d' ' -f6 /proc/$$/stat) $$; echo cwd: $(pwd); mkdir /proc/x 2>/dev/null; echo refused: $?")
	join.Caps = &Capabilities{Bounding: some, Effective: some, Permitted: some}
	join.UID, join.GID, join.Groups, join.KeepGroups = 5, 6, []int{7, 8}, false
	join.Rlimits = []Rlimit{{unix.RLIMIT_NOFILE, 333, 444}}
	join.OOMScoreAdj = &adj
	join.Dir = "/usr/bin"
	out := run(t, join)
	assert.Equal(t, "5 5 5 5", status(t, out, "Uid"))
	assert.Equal(t, "6 6 6 6", status(t, out, "Gid"))
	assert.Equal(t, "7 8", status(t, out, "Groups"))
	assert.Equal(t, "0022", status(t, out, "Umask"))
	assert.Equal(t, "1", status(t, out, "NoNewPrivs"))
	assert.Equal(t, "0000000000000021", status(t, out, "CapBnd"))
	for _, set := range []string{"CapInh", "CapAmb", "CapEff", "CapPrm"} { // of a command that is not root's, execve(2) leaves none
		assert.Equal(t, "0000000000000000", status(t, out, set), set)
	}
	assert.Equal(t, "77", status(t, out, "adj"))
	assert.Equal(t, "333", status(t, out, "files"))
	session := strings.Fields(status(t, out, "session"))
	assert.Equal(t, session[1], session[0], "the leader of a session")
	assert.Equal(t, "/usr/bin", status(t, out, "cwd"))

	join = c.joining(t, "cat", "/proc/self/status")
	join.Caps = &Capabilities{Bounding: some, Effective: some, Permitted: some}
	out = run(t, join)
	assert.Equal(t, "0000000000000021", status(t, out, "CapEff"))
	assert.Equal(t, "0000000000000021", status(t, out, "CapPrm"))
	assert.Empty(t, status(t, out, "Groups"), "ours stay outside")
}

// refuse is a filter that answers EPERM to one call.
func refuse(nr uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
}

func TestSeccomp(t *testing.T) {
	labtest.NeedRoot(t)
	c := live(t, everything, 0)
	for _, privs := range []bool{true, false} {
		join := c.joining(t, "sh", "-c", "cat /proc/self/status; mkdir /tmp/join-seccomp 2>/dev/null; echo made: $?")
		join.NoNewPrivs = privs
		join.Seccomp = slices.Concat(refuse(unix.SYS_MKDIRAT))
		if nr, ok := sysMkdir(); ok {
			join.Seccomp = refuse(nr)
		}
		out := run(t, join)
		assert.Equal(t, "2", status(t, out, "Seccomp"))
		assert.Equal(t, "1", status(t, out, "made"))
		assert.NoDirExists(t, "/tmp/join-seccomp")
	}
}

// Each step that can fail says its name, and leaves no child and no descriptor.
func TestErrorsNameTheStep(t *testing.T) {
	labtest.NeedRoot(t)
	c := live(t, everything|unix.CLONE_NEWUSER, stranger)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("text"), 0o644))
	dir, err := os.Open("/")
	require.NoError(t, err)
	defer dir.Close()
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(fds)
	}
	c.joining(t, "true") // what Go opens once is open now
	before := open()
	for _, test := range []struct {
		step  Step
		errno syscall.Errno
		make  func(c *Cmd)
	}{
		{Clone, unix.EBADF, func(c *Cmd) { c.Cgroup = dir }}, // a folder of no cgroup
		{SetRlimit, unix.EINVAL, func(c *Cmd) { c.Rlimits = []Rlimit{{unix.RLIMIT_NOFILE, 2, 1}} }},
		{OOMScore, unix.EINVAL, func(c *Cmd) { n := 5000; c.OOMScoreAdj = &n }},
		{Setns, unix.EINVAL, func(c *Cmd) { c.Namespaces = 1 }},
		{Controlling, unix.ENOTTY, func(c *Cmd) { c.Terminal = true }},
		{Setgroups, unix.EPERM, func(c *Cmd) { c.KeepGroups, c.Groups = false, []int{5} }},
		{Setresgid, unix.EINVAL, func(c *Cmd) { c.GID = 1 }},
		{Setresuid, unix.EINVAL, func(c *Cmd) { c.UID = 1 }},
		{Capset, unix.EPERM, func(c *Cmd) { c.Caps = &Capabilities{Bounding: 1, Permitted: 1, Inheritable: 3} }},
		{Chdir, unix.ENOENT, func(c *Cmd) { c.Dir = "/no/such" }},
		{Chdir, unix.ENOTDIR, func(c *Cmd) { c.Dir = "/proc/self/fd/3" }},
		{Getcwd, unix.ENOENT, func(c *Cmd) { c.Stdin, c.Dir = dir, "/proc/self/fd/0" }}, // CVE-2024-21626
		{SeccompFilter, unix.EINVAL, func(c *Cmd) { c.Seccomp = refuse(1)[:1] }},
		{Execve, unix.ENOENT, func(c *Cmd) { c.Args[0] = "no-such-command" }},
		{Execve, unix.ENOENT, func(c *Cmd) { c.Env = nil }},
		{Execve, unix.ENOENT, func(c *Cmd) { c.Args[0] = "/no/such" }},
		{Execve, unix.EACCES, func(c *Cmd) { c.Args[0] = "/etc/passwd" }},
		{Execve, unix.EACCES, func(c *Cmd) { c.Args[0], c.Env = "passwd", []string{"PATH=/no:/etc:/nor"} }},
	} {
		join := c.joining(t, "true")
		test.make(join)
		_, err := join.Start()
		var failure *Error
		if assert.ErrorAs(t, err, &failure, "%s %v", test.step, test.errno) {
			assert.Equal(t, test.step, failure.Step, "%v", err)
			assert.ErrorIs(t, err, test.errno)
			assert.Contains(t, err.Error(), test.step.String())
		}
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", c.cmd.Process.Pid))
	if err == nil {
		assert.Empty(t, string(children))
	}
	assert.Equal(t, before, open())

	for _, bad := range []*Cmd{{}, {Args: []string{"a\x00b"}}, {Args: []string{"true"}, Dir: "\x00"}} {
		_, err := bad.Start()
		assert.Error(t, err)
	}
}

func TestEveryStepHasAName(t *testing.T) {
	for s := Clone; s <= Execve; s++ {
		assert.NotEmpty(t, s.String())
	}
	assert.Len(t, stepNames, int(Execve)+1)
}

func TestBornInTheCgroup(t *testing.T) {
	labtest.NeedLab(t)
	labtest.NeedCgroup2(t)
	const group = "/sys/fs/cgroup/join-test"
	require.NoError(t, os.Mkdir(group, 0o755))
	defer os.Remove(group)
	dir, err := os.Open(group)
	require.NoError(t, err)
	defer dir.Close()
	c := live(t, everything|unix.CLONE_NEWUSER, stranger)
	join := c.joining(t, "sleep", "1000")
	join.Cgroup = dir
	p, err := join.Start()
	require.NoError(t, err)
	cgroup, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.Pid))
	require.NoError(t, err)
	assert.Equal(t, "0::/join-test\n", string(cgroup))
	procs, err := os.ReadFile(group + "/cgroup.procs")
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintln(p.Pid), string(procs), "the first child has gone")
	require.NoError(t, p.Signal(unix.SIGTERM)) // nothing is blocked, nothing is caught
	state, err := p.Wait()
	require.NoError(t, err)
	assert.Equal(t, unix.SIGTERM, state.Sys().(syscall.WaitStatus).Signal())
}

// Many at once, while the collector runs and goroutines come and go.
func TestManyAtOnce(t *testing.T) {
	labtest.NeedRoot(t)
	c := live(t, everything|unix.CLONE_NEWUSER, stranger)
	stop := make(chan struct{})
	var churn, all sync.WaitGroup
	for range 4 {
		churn.Go(func() {
			for keep := [][]byte{}; ; keep = append(keep, make([]byte, 10_000)) {
				select {
				case <-stop:
					return
				default:
				}
				if len(keep) > 100 {
					keep = nil
					runtime.GC()
				}
				go func() { runtime.Gosched() }()
			}
		})
	}
	for i := range 8 {
		all.Go(func() {
			for j := range 4 {
				code := i*4 + j
				p, err := c.joining(t, "sh", "-c", fmt.Sprint("exit ", code)).Start()
				if !assert.NoError(t, err) {
					return
				}
				state, err := p.Wait()
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, code, state.ExitCode())
			}
		})
	}
	all.Wait()
	close(stop)
	churn.Wait()
}

// start is Start with a list that is changed first.
func start(t *testing.T, c *Cmd, change func(l *list)) (*os.Process, error) {
	t.Helper()
	report, word, err := Channel()
	require.NoError(t, err)
	defer report.Close()
	l, err := c.list(word)
	require.NoError(t, err)
	defer l.close()
	change(l)
	pid, err := c.run(l, report, word)
	if err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

// insert adds a call in the midst.
func (l *list) insert(at int, step Step, trap uintptr, args ...uintptr) {
	l.call(step, "test", trap, args...)
	last := len(l.calls) - 1
	c := l.calls[last]
	l.calls = slices.Insert(l.calls[:last], at, c)
	l.what = slices.Insert(l.what[:last], at, any("test"))
}

func (l *list) index(step Step) int {
	return slices.IndexFunc(l.calls, func(c call) bool { return c.step == step })
}

// A child that ends on the way is an error, or the command's end, and not a hang.
func TestKilledOnTheWay(t *testing.T) {
	labtest.NeedRoot(t)
	c := live(t, everything, 0)
	_, err := start(t, c.joining(t, "true"), func(l *list) { l.insert(l.index(Setns), Getcwd, unix.SYS_EXIT_GROUP, 9) })
	require.ErrorIs(t, err, ErrKilled)
	p, err := start(t, c.joining(t, "true"), func(l *list) { l.insert(l.index(Chdir), Getcwd, unix.SYS_EXIT_GROUP, 9) })
	require.NoError(t, err)
	state, err := p.Wait()
	require.NoError(t, err)
	assert.Equal(t, 9, state.ExitCode())
}

// What comes out of a container is not believed.
func TestAReportThatMakesNoSense(t *testing.T) {
	for _, said := range [][2]uint32{{recordPID, 1}, {recordPID, 1 << 31}, {77, 1}, {recordPID - 1, 0}} {
		child := exec.Command("true")
		require.NoError(t, child.Start())
		l := &list{calls: make([]call, 3), what: make([]any, 3)}
		_, err := l.outcome(child.Process.Pid, bytes.NewReader(unsafe.Slice((*byte)(unsafe.Pointer(&said)), recordSize)))
		assert.ErrorContains(t, err, "no sense")
	}
}

func sysMkdir() (uint32, bool) {
	if runtime.GOARCH == "amd64" {
		return 83, true // what mkdir(1) calls there
	}
	return 0, false
}
