// Package doctor looks at a machine as the course does.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// A Finding is one line of the table.
type Finding struct {
	Name   string
	OK     bool
	Needed bool   // the course does not work without it
	Found  string // what is there
	Mend   string // what to type
}

// Examine looks at what the course needs first, and at what is only good to have last.
func Examine(ctx context.Context, t tree.Tree) []Finding {
	return []Finding{
		system(), goTool(ctx, t), program(ctx, "make", true, "--version"), program(ctx, "git", false, "--version"),
		disk(), image(ctx), accelerator(), packages(), cgroup2(), userNamespaces(),
	}
}

func system() Finding {
	return Finding{say.T("system", "система"), runtime.GOOS == "linux", true, distribution() + " " + runtime.GOARCH,
		say.T("the lab runs on Linux; on Windows use WSL2 with Debian or Ubuntu", "лаборатория работает на Linux; в Windows — WSL2 с Debian или Ubuntu")}
}

var prettyName = regexp.MustCompile(`(?m)^PRETTY_NAME="?([^"\n]*)`)

func distribution() string {
	data, err := os.ReadFile("/etc/os-release")
	if m := prettyName.FindSubmatch(data); err == nil && m != nil {
		return string(m[1])
	}
	return runtime.GOOS
}

func goTool(ctx context.Context, t tree.Tree) Finding {
	cmd := child.Command(ctx, "go", "version")
	cmd.Dir = t.Root
	out, err := cmd.Output()
	return Finding{"Go", err == nil, true, strings.TrimSpace(string(out)), "https://go.dev/doc/install"}
}

// program is one that apt-get calls by its own name.
func program(ctx context.Context, name string, needed bool, flag string) Finding {
	out, err := child.Command(ctx, name, flag).Output()
	first, _, _ := strings.Cut(string(out), "\n")
	return Finding{name, err == nil, needed, first, "apt-get install " + name}
}

// lowDisk is what an image, its tools and a snapshot take, and what building them needs.
const lowDisk = 2 << 30

func disk() Finding {
	cache, err := vm.CacheDir()
	if err != nil {
		return Finding{say.T("cache", "кэш"), false, true, err.Error(), "export XDG_CACHE_HOME=…"}
	}
	dir := cache
	var s unix.Statfs_t
	for err = unix.Statfs(dir, &s); errors.Is(err, unix.ENOENT); err = unix.Statfs(dir, &s) {
		dir = filepath.Dir(dir)
	}
	free := s.Bavail * uint64(s.Bsize)
	return Finding{say.T("cache", "кэш"), err == nil && free >= lowDisk, true,
		fmt.Sprintf(say.T("%s, %.1f GB free", "%s, свободно %.1f ГБ"), cache, float64(free)/1e9),
		say.T("free 2 GB there, or set XDG_CACHE_HOME to another disk", "освободите там 2 ГБ или задайте XDG_CACHE_HOME на другом диске")}
}

func image(context.Context) Finding {
	name := say.T("lab image", "образ лаборатории")
	im, err := vm.Find()
	if err != nil {
		return Finding{name, false, false, say.T("not built yet", "ещё не собран"), "make vm"}
	}
	return Finding{name, true, false, "QEMU " + im.QEMU.Version, ""}
}

func accelerator() Finding {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return Finding{"KVM", false, false, say.T("the lab emulates, which is slower: ", "лаборатория эмулирует, это медленнее: ") + err.Error(), ""}
	}
	f.Close()
	return Finding{"KVM", true, false, say.T("/dev/kvm opens; the lab tries it once", "/dev/kvm открывается; лаборатория проверит его один раз"), ""}
}

func packages() Finding {
	_, err := exec.LookPath("apt-get")
	return Finding{"apt", err == nil, false, "", say.T("give the lab QEMU and an image: LAB_IMAGE (README, Requirements)", "дайте лаборатории QEMU и образ: LAB_IMAGE (README, раздел о требованиях)")}
}

// cgroup2Magic is how statfs(2) names a cgroup v2.
const cgroup2Magic = 0x63677270

func cgroup2() Finding {
	var s unix.Statfs_t
	err := unix.Statfs("/sys/fs/cgroup", &s)
	ok := err == nil && s.Type == cgroup2Magic
	return Finding{"cgroup v2", ok, false, "/sys/fs/cgroup", say.T("only LAB=host needs it", "нужен только для LAB=host")}
}

func userNamespaces() Finding {
	limit, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	ok := err == nil && strings.TrimSpace(string(limit)) != "0"
	return Finding{"user namespaces", ok, false, strings.TrimSpace(string(limit)), say.T("only LAB=host needs them", "нужны только для LAB=host")}
}
