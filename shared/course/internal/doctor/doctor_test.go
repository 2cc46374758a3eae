package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/course/internal/tree"
)

// fake is a machine whose files are these: "proc/meminfo": "MemAvailable: …".
func fake(t *testing.T, files map[string]string) Machine {
	t.Setenv("COURSE_LANG", "en")
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	return Machine{Proc: at("proc"), Sys: at("sys"), Etc: at("etc"), Dev: at("dev"), Lib: at("lib"),
		Env:  func(string) string { return "" },
		Find: func(string) (string, error) { return "", os.ErrNotExist }}
}

func TestUserNamespaces(t *testing.T) {
	allowed := map[string]string{"proc/self/ns/user": "", "proc/sys/user/max_user_namespaces": "15000\n"}
	with := func(name, value string) map[string]string {
		files := map[string]string{name: value}
		for k, v := range allowed {
			if k != name {
				files[k] = v
			}
		}
		return files
	}
	assert.True(t, fake(t, allowed).userNamespaces().OK)
	assert.True(t, fake(t, with("proc/sys/kernel/unprivileged_userns_clone", "1\n")).userNamespaces().OK)
	for name, c := range map[string]struct{ value, mend string }{
		"proc/sys/user/max_user_namespaces":                     {"0\n", "sudo sysctl -w user.max_user_namespaces=15000"},
		"proc/sys/kernel/unprivileged_userns_clone":             {"0\n", "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		"proc/sys/kernel/apparmor_restrict_unprivileged_userns": {"1\n", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
	} {
		f := fake(t, with(name, c.value)).userNamespaces()
		assert.False(t, f.OK, name)
		assert.Equal(t, c.mend, f.Mend)
	}
	assert.False(t, fake(t, nil).userNamespaces().OK, "a kernel without them")
}

func TestCgroup2(t *testing.T) {
	two := fake(t, map[string]string{"sys/fs/cgroup/cgroup.controllers": "cpu", "sys/fs/cgroup/cgroup.subtree_control": "cpu pids"})
	assert.True(t, two.cgroup2().OK)
	assert.Equal(t, "echo '+memory' | sudo tee /sys/fs/cgroup/cgroup.subtree_control", two.controllers().Mend)

	hybrid := fake(t, map[string]string{"sys/fs/cgroup/unified/cgroup.controllers": "", "sys/fs/cgroup/memory/tasks": ""}).cgroup2()
	assert.False(t, hybrid.OK)
	assert.Contains(t, hybrid.Mend, "systemd.unified_cgroup_hierarchy=1")

	wsl := fake(t, map[string]string{"proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n"}).cgroup2()
	assert.Contains(t, wsl.Mend, ".wslconfig")

	container := fake(t, map[string]string{"sys/fs/cgroup/cgroup.controllers": "cpu", "proc/self/mounts": "overlay / overlay rw 0 0\ncgroup /sys/fs/cgroup cgroup2 ro,nosuid 0 0\n"}).cgroup2()
	assert.False(t, container.OK, "a group that cannot be made")
}

func TestWSL(t *testing.T) {
	mounts := "/dev/sdc / ext4 rw 0 0\nC:\\134 /mnt/c 9p rw,aname=drvfs 0 0\n"
	m := fake(t, map[string]string{"proc/sys/kernel/osrelease": "5.15.0-microsoft-standard-WSL2", "proc/self/mounts": mounts})
	f, there := m.wsl("/mnt/c/Users/anna/course")
	assert.True(t, there)
	assert.False(t, f.OK)
	f, _ = m.wsl("/home/anna/course")
	assert.True(t, f.OK)
	f, _ = m.wsl("/mnt/cdrom")
	assert.True(t, f.OK, "a name that only begins like it")
	_, there = fake(t, map[string]string{"proc/sys/kernel/osrelease": "6.1.0-28-amd64"}).wsl("/mnt/c")
	assert.False(t, there)
}

func TestMemory(t *testing.T) {
	assert.True(t, fake(t, map[string]string{"proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable:    4000000 kB\n"}).memory().OK)
	assert.False(t, fake(t, map[string]string{"proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable:     900000 kB\n"}).memory().OK)
}

func TestAccelerator(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the words are of Linux on amd64")
	}
	able := fake(t, map[string]string{"proc/cpuinfo": "vendor_id : GenuineIntel\nflags : fpu vmx sse\n"}).accelerator()
	assert.Equal(t, "sudo modprobe kvm_intel", able.Mend)
	unable := fake(t, map[string]string{"proc/cpuinfo": "vendor_id : AuthenticAMD\nflags : fpu sse\n"}).accelerator()
	assert.False(t, unable.OK)
	assert.Contains(t, unable.Mend, "nested virtualization")
}

func TestProxy(t *testing.T) {
	answers, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer answers.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone.Close()
	for _, c := range []struct {
		name, value, mend string
	}{
		{"https_proxy", "http://" + answers.Addr().String(), ""},
		{"https_proxy", answers.Addr().String(), ""},
		{"HTTPS_PROXY", "http://" + gone.Addr().String(), "connect the VPN, or: unset HTTPS_PROXY"},
		{"HTTP_PROXY", "http://" + answers.Addr().String(), `export http_proxy="$HTTP_PROXY"`},
		{"", "", ""},
	} {
		m := fake(t, nil)
		m.Env = func(name string) string { return map[string]string{c.name: c.value}[name] }
		f := m.proxy()
		assert.Equal(t, c.mend, f.Mend, c.name)
		assert.Equal(t, c.mend == "", f.OK, c.name)
	}
	address, err := proxyAddress("socks5://vpn.example")
	require.NoError(t, err)
	assert.Equal(t, "vpn.example:1080", address)
}

func TestInstall(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("there it is brew")
	}
	for release, want := range map[string]string{
		"ID=fedora\n":                      "sudo dnf install b",
		"ID=\"rocky\"\nID_LIKE=\"rhel\"\n": "sudo dnf install b",
		"ID=manjaro\nID_LIKE=arch\n":       "sudo pacman -S c",
		"ID=ubuntu\nID_LIKE=debian\n":      "sudo apt-get install a",
		"":                                 "sudo apt-get install a",
	} {
		assert.Equal(t, want, fake(t, map[string]string{"etc/os-release": release}).install("a", "b", "c"))
	}
}

func TestPackageSource(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // without an image
	m := fake(t, map[string]string{"etc/os-release": "ID=fedora\nPRETTY_NAME=\"Fedora Linux 42\"\n"})
	f := m.packages(context.Background())
	assert.False(t, f.OK)
	assert.Contains(t, f.Mend, "make unbundle")
	m.Find = func(string) (string, error) { return "/usr/bin/apt-get", nil }
	assert.Equal(t, "Fedora Linux 42", m.packages(context.Background()).Found, "an apt-get that cannot make a lab")
}

func TestStudentAndModules(t *testing.T) {
	m := fake(t, map[string]string{"etc/passwd": "root:x:0:0::/root:/bin/sh\nstudent:x:1000:1000::/home/student:/bin/sh\n", "etc/subuid": "student:100000:65536\n"})
	f := m.student()
	assert.False(t, f.OK)
	assert.True(t, strings.HasPrefix(f.Mend, "sudo usermod"), "the user is there, the ids are not: "+f.Mend)

	m = fake(t, map[string]string{
		"proc/sys/kernel/osrelease": "6.12.1\n", "sys/module/bridge/refcnt": "0",
		"lib/modules/6.12.1/modules.builtin": "kernel/fs/overlayfs/overlay.ko\n", "lib/modules/6.12.1/modules.dep": "kernel/drivers/net/veth.ko.xz:\n"})
	for name, want := range map[string]bool{"bridge": true, "overlay": true, "veth": true, "nf_tables": false} {
		assert.Equal(t, want, module(name, "CONFIG_NONE")(m).OK, name)
	}
	assert.False(t, fake(t, map[string]string{"proc/sys/kernel/yama/ptrace_scope": "1\n"}).yama().OK)
	assert.True(t, fake(t, nil).yama().OK, "no Yama")
	assert.False(t, fake(t, map[string]string{"proc/sys/kernel/cap_last_cap": "39\n"}).lastCap().OK)
}

// The table knows every lesson, and which of them LAB=host refuses a part of.
func TestHostTable(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	couldHurt := regexp.MustCompile(`\b(Dangerous|Disposable|MayDie): *true|\bWatch: `)
	for _, l := range tree.Lessons {
		assert.NotEmpty(t, hostNeeds[l.Number], l.Name)
		files, err := filepath.Glob(filepath.Join(root, "lessons", l.Name, "*.go"))
		require.NoError(t, err)
		hurts := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			hurts = hurts || couldHurt.Match(text)
		}
		assert.Equal(t, hurts, slices.Contains(Hurts, l.Number), fmt.Sprintf("Hurts, lesson %02d", l.Number))
	}
}
