package seccomp

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

// run is the kernel's machine, as far as our programs need it.
func run(t *testing.T, program []unix.SockFilter, arch uint32, call uint32, args ...uint64) Action {
	t.Helper()
	var data [64]byte
	binary.LittleEndian.PutUint32(data[offsetCall:], call)
	binary.LittleEndian.PutUint32(data[offsetArch:], arch)
	for i, a := range args {
		binary.LittleEndian.PutUint64(data[offsetArgs+8*i:], a)
	}
	var a uint32
	for pc := 0; pc < len(program); pc++ { // jumps go forward only: it ends
		i := program[pc]
		yes := false
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = binary.LittleEndian.Uint32(data[i.K:])
			continue
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= i.K
			continue
		case unix.BPF_RET | unix.BPF_K:
			return Action(i.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			yes = a == i.K
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			yes = a > i.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			yes = a >= i.K
		default:
			t.Fatalf("instruction %d: code %#x", pc, i.Code)
		}
		if yes {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
	t.Fatal("the program has no end")
	return 0
}

func assemble(t *testing.T, f Filter) []unix.SockFilter {
	t.Helper()
	p, err := f.Assemble()
	require.NoError(t, err)
	return p
}

func TestRanges(t *testing.T) {
	assert.Equal(t, []span{{0, 2}, {5, 5}, {7, 8}}, ranges([]int{0, 1, 2, 5, 7, 8}))
	assert.Empty(t, ranges(nil))
}

func TestEveryNumber(t *testing.T) {
	f := Filter{Otherwise: Errno(unix.EPERM)}
	allowed := map[uint32]bool{}
	for _, call := range []int{0, 1, 2, 7, 9, 10, 300, 511} {
		f.Rules = append(f.Rules, Rule{Call: call, Do: Allow})
		allowed[uint32(call)] = true
	}
	p := assemble(t, f)
	for call := range uint32(600) {
		want := f.Otherwise
		if allowed[call] {
			want = Allow
		}
		require.Equal(t, want, run(t, p, arch, call), "call %d", call)
	}
	assert.Equal(t, Errno(unix.EPERM), run(t, assemble(t, Filter{Otherwise: Errno(unix.EPERM)}), arch, 0), "an empty list")
}

func TestForeignNumbering(t *testing.T) {
	p := assemble(t, Filter{Rules: []Rule{{Call: 1, Do: Allow}}, Otherwise: Errno(unix.EPERM)})
	assert.Equal(t, Kill, run(t, p, unix.AUDIT_ARCH_I386, 1))
	assert.Equal(t, Errno(unix.ENOSYS), run(t, p, arch, x32Bit|1))
	assert.Equal(t, Errno(unix.ENOSYS), run(t, p, arch, 1<<31))
	assert.Equal(t, Allow, run(t, p, arch, 1))
}

func TestArguments(t *testing.T) {
	const high = 0x7_0000_0001
	p := assemble(t, Filter{
		Rules: []Rule{
			{Call: 5, When: []Arg{Exactly(0, 3), {Index: 1, Mask: 0xf0, Value: 0x10}}, Do: Allow},
			{Call: 5, When: []Arg{Exactly(2, high)}, Do: Errno(unix.ENODEV)},
			{Call: 6, When: []Arg{Exactly(5, high)}, Do: Errno(unix.EPERM)},
			{Call: 6, Do: Allow},
			{Call: 7, Do: Errno(unix.ENOSYS)},
			{Call: 8, Do: Allow},
		},
		Otherwise: Kill,
	})
	for _, c := range []struct {
		want Action
		call uint32
		args []uint64
	}{
		{Allow, 5, []uint64{3, 0x1f}},
		{Kill, 5, []uint64{3, 0x2f}},
		{Kill, 5, []uint64{3 | 1<<32, 0x1f}}, // the upper half counts
		{Errno(unix.ENODEV), 5, []uint64{0, 0, high}},
		{Allow, 5, []uint64{3, 0x10, high}}, // the first that fits
		{Kill, 5, []uint64{0, 0, 1}},
		{Errno(unix.EPERM), 6, []uint64{0, 0, 0, 0, 0, high}},
		{Allow, 6, []uint64{0, 0, 0, 0, 0, 1}},
		{Errno(unix.ENOSYS), 7, nil},
		{Allow, 8, nil}, // the number is back in its place behind all these
	} {
		assert.Equal(t, c.want, run(t, p, arch, c.call, c.args...), "%d %x", c.call, c.args)
	}
}

func TestBadFilters(t *testing.T) {
	for what, rules := range map[string][]Rule{
		"no call":       {{Call: -1, Do: Allow}},
		"x32":           {{Call: x32Bit, Do: Allow}},
		"no argument":   {{Call: 1, When: []Arg{{Index: 6}}, Do: Allow}},
		"never":         {{Call: 1, When: []Arg{{Index: 0, Mask: 1, Value: 2}}, Do: Allow}},
		"behind always": {{Call: 1, Do: Allow}, {Call: 1, When: []Arg{Exactly(0, 1)}, Do: Kill}},
		"too long":      tooLong(),
	} {
		_, err := Filter{Rules: rules}.Assemble()
		assert.Error(t, err, what)
	}
	assert.ErrorIs(t, Install(nil), unix.EINVAL)
}

func tooLong() (rules []Rule) {
	for n := range 1100 {
		rules = append(rules, Rule{Call: 2 * n, Do: Allow})
	}
	return rules
}

func TestDocker(t *testing.T) {
	p := assemble(t, Docker(nil))
	admin := assemble(t, Docker(func(c int) bool { return c == unix.CAP_SYS_ADMIN }))
	clock := assemble(t, Docker(func(c int) bool { return c == unix.CAP_SYS_TIME }))
	eperm := Errno(unix.EPERM)
	for _, call := range []uint32{
		unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_IO_URING_SETUP, unix.SYS_USERFAULTFD,
		unix.SYS_KEXEC_LOAD, unix.SYS_SWAPON, unix.SYS_NFSSERVCTL, unix.SYS_MOUNT, unix.SYS_UNSHARE, unix.SYS_SETNS,
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_CLOCK_SETTIME, unix.SYS_REBOOT,
		unix.SYS_INIT_MODULE, unix.SYS_CHROOT, 100_000,
	} {
		assert.Equal(t, eperm, run(t, p, arch, call), "call %d", call)
	}
	for _, call := range []uint32{unix.SYS_READ, unix.SYS_OPENAT, unix.SYS_EXECVE, unix.SYS_FUTEX, unix.SYS_PTRACE, unix.SYS_SECCOMP} {
		assert.Equal(t, Allow, run(t, p, arch, call), "call %d", call)
	}
	assert.Equal(t, Allow, run(t, admin, arch, unix.SYS_MOUNT))
	assert.Equal(t, Allow, run(t, admin, arch, unix.SYS_CLONE, unix.CLONE_NEWNS))
	assert.Equal(t, Allow, run(t, admin, arch, unix.SYS_CLONE3))
	assert.Equal(t, eperm, run(t, admin, arch, unix.SYS_KEYCTL), "not even for an administrator")
	assert.Equal(t, Allow, run(t, clock, arch, unix.SYS_CLOCK_SETTIME))
	assert.Equal(t, eperm, run(t, clock, arch, unix.SYS_MOUNT))

	assert.Equal(t, Allow, run(t, p, arch, unix.SYS_CLONE, uint64(unix.SIGCHLD)))
	assert.Equal(t, Allow, run(t, p, arch, unix.SYS_CLONE, unix.CLONE_VM|unix.CLONE_THREAD))
	assert.Equal(t, eperm, run(t, p, arch, unix.SYS_CLONE, unix.CLONE_NEWUSER|uint64(unix.SIGCHLD)))
	assert.Equal(t, Errno(unix.ENOSYS), run(t, p, arch, unix.SYS_CLONE3))
	assert.Equal(t, Allow, run(t, p, arch, unix.SYS_SOCKET, unix.AF_INET))
	assert.Equal(t, eperm, run(t, p, arch, unix.SYS_SOCKET, unix.AF_VSOCK))
	assert.Equal(t, eperm, run(t, p, arch, unix.SYS_SOCKET, unix.AF_VSOCK|1<<32), "the kernel reads 32 bits of it")
	assert.Equal(t, Allow, run(t, p, arch, unix.SYS_PERSONALITY, 0xffffffff))
	assert.Equal(t, eperm, run(t, p, arch, unix.SYS_PERSONALITY, 0x0040000), "ADDR_NO_RANDOMIZE")
	t.Logf("%d calls pass, %d instructions", len(Docker(nil).Calls()), len(p))
}

// A filter cannot be taken off: each of these runs in a process of its own.
func init() {
	reexec.Register("keyctl", func() { under(Errno(unix.EPERM), keyctl) })
	reexec.Register("killed", func() { under(Kill, keyctl) })
	reexec.Register("docker", func() {
		restrict(Docker(nil))
		err := unix.Exec("/bin/sh", []string{"sh", "-c", "ls / >/dev/null && (cat /proc/self/status | grep -c Seccomp:.2); exit 7"}, os.Environ())
		fmt.Println(err)
	})
}

func keyctl() error {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	return err
}

// under says how keyctl(2) is answered, when that is not on the list.
func under(otherwise Action, call func() error) {
	f := Filter{Otherwise: Allow, Rules: []Rule{{Call: unix.SYS_KEYCTL, Do: otherwise}}}
	restrict(f)
	fmt.Print(call())
}

func restrict(f Filter) {
	runtime.LockOSThread()
	p, err := f.Assemble()
	if err == nil {
		err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err == nil {
		err = Install(p)
	}
	if err != nil {
		fmt.Print(err)
		os.Exit(1)
	}
}

func TestInstalled(t *testing.T) {
	out, err := reexec.Command("keyctl").Output()
	require.NoError(t, err)
	assert.Equal(t, unix.EPERM.Error(), string(out))

	err = reexec.Command("killed").Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, unix.SIGSYS, exit.Sys().(syscall.WaitStatus).Signal())
}

func TestDockerInstalled(t *testing.T) {
	out, err := reexec.Command("docker").Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out)
	assert.Equal(t, 7, exit.ExitCode())
	assert.Equal(t, "1\n", string(out))
}
