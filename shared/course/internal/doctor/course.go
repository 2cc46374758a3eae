package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/mod/modfile"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/modules"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// What the course needs to be built, to fetch its lab, and to run it.

func (m Machine) system() Finding {
	return Finding{say.T("system", "система"), runtime.GOOS == "linux", true, m.distribution() + " " + runtime.GOARCH,
		say.T("the lessons run on Linux; on Windows use WSL2 with Debian or Ubuntu, on a Mac a virtual machine", "уроки идут на Linux; в Windows — WSL2 с Debian или Ubuntu, на Mac — виртуальная машина")}
}

// osRelease is a value of os-release(5).
func (m Machine) osRelease(key string) string {
	for line := range strings.Lines(read(m.Etc, "os-release")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && name == key {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

func (m Machine) distribution() string {
	if name := m.osRelease("PRETTY_NAME"); name != "" {
		return name
	}
	return runtime.GOOS
}

// install is how this distribution installs a package, whose name may differ there.
func (m Machine) install(debian, fedora, arch string) string {
	like := " " + m.osRelease("ID") + " " + m.osRelease("ID_LIKE") + " "
	switch {
	case runtime.GOOS == "darwin":
		return "brew install " + debian
	case strings.Contains(like, " fedora "), strings.Contains(like, " rhel "):
		return "sudo dnf install " + fedora
	case strings.Contains(like, " arch "):
		return "sudo pacman -S " + arch
	}
	return "sudo apt-get install " + debian
}

func goTool(ctx context.Context, t tree.Tree) Finding {
	cmd := child.Command(ctx, "go", "version")
	cmd.Dir = t.Root
	out, err := cmd.Output()
	needed := GoNeeded(t)
	f := Finding{"Go", err == nil, true, strings.TrimSpace(strings.TrimPrefix(string(out), "go version ")),
		fmt.Sprintf(say.T("https://go.dev/doc/install, %s or newer", "https://go.dev/doc/install, %s или новее"), needed)}
	if f.OK {
		f.Found += fmt.Sprintf(say.T("; the course asks for %s", "; курс просит %s"), needed)
	}
	return f
}

// program is one that the package manager calls by its own name.
func (m Machine) program(ctx context.Context, name string, needed bool, flag string) Finding {
	out, err := child.Command(ctx, name, flag).Output()
	first, _, _ := strings.Cut(string(out), "\n")
	return Finding{name, err == nil, needed, first, m.install(name, name, name)}
}

// lowDisk is what an image, its tools and a snapshot take, and what building them needs.
const lowDisk = 2 << 30

func (m Machine) disk(t tree.Tree) Finding {
	name := say.T("disk", "диск")
	cache, err := vm.CacheDir()
	if err != nil {
		return Finding{name, false, true, err.Error(), "export XDG_CACHE_HOME=…"}
	}
	free, err := Free(cache)
	f := Finding{name, err == nil && free >= lowDisk, true,
		fmt.Sprintf(say.T("%s, %.1f GB free", "%s, свободно %.1f ГБ"), cache, float64(free)/1e9),
		say.T("free 2 GB there, or: export XDG_CACHE_HOME=… on another disk", "освободите там 2 ГБ или: export XDG_CACHE_HOME=… на другом диске")}
	if _, options := m.mounted(cache); f.OK && strings.Contains(","+options+",", ",noexec,") {
		f.OK, f.Found = false, cache+say.T(" is mounted noexec, and the lab's QEMU runs from there", " смонтирован с noexec, а оттуда запускается QEMU лаборатории")
		f.Mend = say.T("export XDG_CACHE_HOME=… on another disk", "export XDG_CACHE_HOME=… на другом диске")
	}
	return f
}

// mounted is the type and the options of the file system that a path is on.
func (m Machine) mounted(dir string) (fstype, options string) {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	longest := ""
	for line := range strings.Lines(read(m.Proc, "self", "mounts")) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		point := strings.ReplaceAll(f[1], `\040`, " ")
		below := point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
		if below && len(point) >= len(longest) { // of two at one place the later covers the earlier
			longest, fstype, options = point, f[2], f[3]
		}
	}
	return fstype, options
}

// lowMemory is what one lab may fill, and the programs beside it.
const lowMemory = 1200 << 20

func (m Machine) memory() Finding {
	f := Finding{say.T("memory", "память"), true, true, "", say.T("close other programs", "закройте другие программы")}
	if m.isWSL() {
		f.Mend = say.T("in Windows, %UserProfile%\\.wslconfig: [wsl2] memory=4GB, then wsl --shutdown", "в Windows, %UserProfile%\\.wslconfig: [wsl2] memory=4GB, затем wsl --shutdown")
	}
	for line := range strings.Lines(read(m.Proc, "meminfo")) {
		var kilobytes uint64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kilobytes); n == 1 {
			f.OK = kilobytes<<10 >= lowMemory
			f.Found = fmt.Sprintf(say.T("%.1f GB available; a lab takes up to 1", "доступно %.1f ГБ; лаборатория занимает до 1"), float64(kilobytes<<10)/1e9)
		}
	}
	return f
}

func goModules(ctx context.Context, t tree.Tree) Finding {
	name := say.T("Go modules", "модули Go")
	cache, err := modules.Cache(ctx)
	if err != nil {
		return Finding{name, false, false, err.Error(), ""}
	}
	sums, err := modules.Sums(t)
	if err != nil {
		return Finding{name, false, false, err.Error(), ""}
	}
	if _, err := modules.Files(sums, cache); err != nil {
		return Finding{name, false, false, say.T("not all are in the module cache; go fetches them when it needs them", "не все в кэше модулей; go получит их, когда понадобятся"), "make prefetch"}
	}
	return Finding{name, true, false, cache, ""}
}

func labImage() Finding {
	name := say.T("lab image", "образ лаборатории")
	im, err := vm.Find()
	if err != nil {
		return Finding{name, false, false, say.T("not built yet", "ещё не собран"), say.T("make prefetch, or without a network make unbundle FROM=…", "make prefetch, а без сети — make unbundle FROM=…")}
	}
	return Finding{name, true, false, im.Dir(), ""}
}

// soundQEMU is the first release that emulates two processors without harm to its guests.
const soundQEMU = 9

// qemu is the emulator of the image that is there, or the one that the image will be built
// with. Where there is apt, the lab brings its own.
func (m Machine) qemu(ctx context.Context) Finding {
	if im, err := vm.Find(); err == nil {
		return Finding{"QEMU", true, true, im.QEMU.Version + say.T(", of the lab image", ", из образа лаборатории"), ""}
	}
	program := map[string]string{"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}[runtime.GOARCH]
	mend := m.install("qemu-system-x86", "qemu-system-x86-core", "qemu-system-x86")
	if runtime.GOARCH == "arm64" {
		mend = m.install("qemu-system-arm", "qemu-system-aarch64-core", "qemu-system-aarch64")
	}
	if runtime.GOOS == "darwin" {
		mend = "brew install qemu"
	}
	_, noApt := m.Find("apt-get")
	var version string
	var major int
	if out, err := child.Command(ctx, program, "--version").Output(); err == nil {
		_, rest, _ := strings.Cut(string(out), "version ")
		version, _, _ = strings.Cut(rest, " ")
		fmt.Sscanf(version, "%d", &major)
	}
	switch {
	case major >= soundQEMU:
		return Finding{"QEMU", true, true, strings.TrimSpace(version), ""}
	case noApt == nil:
		return Finding{"QEMU", true, true, say.T("the lab unpacks one of its own, from packages", "лаборатория распакует свой, из пакетов"), ""}
	case major > 0:
		return Finding{"QEMU", false, false, fmt.Sprintf(say.T("%s; one before %d is slow here: it emulates one processor only", "%s; выпуск до %d здесь медленный: он эмулирует только один процессор"), strings.TrimSpace(version), soundQEMU), mend}
	}
	return Finding{"QEMU", false, true, "", mend}
}

// accelerator is KVM. Without it the lab emulates, which is slower and works as well.
func (m Machine) accelerator() Finding {
	f := Finding{Name: say.T("accelerator", "ускоритель")}
	if runtime.GOOS == "darwin" {
		f.OK, f.Found = true, "hvf"
		return f
	}
	emulates := say.T("the lab emulates, which is slower: ", "лаборатория эмулирует, это медленнее: ")
	kvm := filepath.Join(m.Dev, "kvm")
	err := readWrite(kvm)
	vendor := "kvm_amd"
	info := read(m.Proc, "cpuinfo")
	if strings.Contains(info, "GenuineIntel") {
		vendor = "kvm_intel"
	}
	able := strings.Contains(info, " vmx ") || strings.Contains(info, " svm ") || runtime.GOARCH != "amd64"
	switch {
	case err == nil:
		f.OK, f.Found = true, say.T("/dev/kvm opens; the lab tries it once", "/dev/kvm открывается; лаборатория один раз его попробует")
		if im, err := vm.Find(); err == nil {
			if why := vm.Tried(im); why != "" {
				f.OK, f.Found = strings.HasSuffix(why, " runs a kernel"), why
			}
		}
	case errors.Is(err, errDenied):
		f.Found, f.Mend = emulates+say.T("you may not open /dev/kvm", "вам нельзя открыть /dev/kvm"), say.T("sudo usermod -aG kvm $USER, then log in again", "sudo usermod -aG kvm $USER и войти заново")
	case able:
		f.Found, f.Mend = emulates+say.T("there is no /dev/kvm, though the processor could", "/dev/kvm нет, хотя процессор умеет"), "sudo modprobe "+vendor
	default:
		f.Found = emulates + say.T("there is no /dev/kvm", "/dev/kvm нет")
		f.Mend = say.T("switch on virtualization in the firmware, or nested virtualization in the machine around this one", "включите виртуализацию в настройках прошивки или вложенную — в машине, внутри которой эта работает")
	}
	return f
}

// packages is where the lab's packages come from.
func (m Machine) packages(ctx context.Context) Finding {
	name := say.T("package source", "пакеты")
	if _, err := vm.Find(); err == nil {
		return Finding{name, true, false, say.T("not needed: the image is built", "не нужны: образ уже собран"), ""}
	}
	elsewhere := say.T("bring the lab from another machine: make unbundle FROM=… (README, Requirements)", "привезите лабораторию с другой машины: make unbundle FROM=… (README, «Требования»)")
	if _, err := m.Find("apt-get"); err != nil {
		return Finding{name, false, true, say.T("there is no apt-get here", "здесь нет apt-get"), elsewhere}
	}
	if like := m.osRelease("ID") + " " + m.osRelease("ID_LIKE"); !strings.Contains(like, "debian") && !strings.Contains(like, "ubuntu") {
		return Finding{name, false, true, m.distribution(), elsewhere}
	}
	out, err := child.Command(ctx, "apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)", "Created-By: Packages").Output()
	if sources := strings.Fields(string(out)); err != nil || len(sources) == 0 {
		return Finding{name, false, true, say.T("apt knows no source", "apt не знает ни одного источника"), "LAB_MIRROR=http://… make prefetch"}
	}
	return Finding{name, true, true, say.T("apt, and what it is set to", "apt с его настройками"), ""}
}

// proxy is what a VPN or a company leaves in the environment. A proxy that is no longer there
// stops every download, each with an error of its own.
func (m Machine) proxy() Finding {
	f := Finding{say.T("proxy", "прокси"), true, false, say.T("none is set", "не задан"), ""}
	for _, name := range []string{"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"} {
		value := m.Env(name)
		if value == "" {
			continue
		}
		address, err := proxyAddress(value)
		if err == nil {
			var c net.Conn
			if c, err = net.DialTimeout("tcp", address, 2*time.Second); err == nil {
				c.Close()
			}
		}
		if err != nil {
			f.OK = false
			f.Found = fmt.Sprintf(say.T("%s is set, and the proxy does not answer: is the VPN off?", "%s задан, а прокси не отвечает: VPN выключен?"), name)
			f.Mend = fmt.Sprintf(say.T("connect the VPN, or: unset %s", "подключите VPN или: unset %s"), name)
			return f
		}
		f.Found = fmt.Sprintf(say.T("%s, it answers", "%s, отвечает"), name)
	}
	// apt reads only the small letters (apt-transport-http(1)), go both.
	if upper := m.Env("HTTP_PROXY"); upper != "" && m.Env("http_proxy") == "" {
		f.OK, f.Found = false, say.T("HTTP_PROXY is set; apt reads only http_proxy", "задан HTTP_PROXY; apt читает только http_proxy")
		f.Mend = `export http_proxy="$HTTP_PROXY"`
	}
	return f
}

// proxyAddress is host:port of a proxy as it is named in the environment.
func proxyAddress(value string) (string, error) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil {
		return "", err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func (m Machine) isWSL() bool {
	return strings.Contains(strings.ToLower(read(m.Proc, "sys", "kernel", "osrelease")), "microsoft")
}

// wsl says whether the course lies on Windows' disk, which Linux sees through 9p: slow, and
// without Linux' owners and modes. Elsewhere there is nothing to say.
func (m Machine) wsl(root string) (Finding, bool) {
	if !m.isWSL() {
		return Finding{}, false
	}
	fstype, _ := m.mounted(root)
	windows := fstype == "9p" || fstype == "drvfs" || fstype == "v9fs"
	return Finding{"WSL2", !windows, true, root + " (" + fstype + ")", "cp -r . ~/mydocker-course && cd ~/mydocker-course"}, true
}

// GoNeeded is the version in the go line of go.work.
func GoNeeded(t tree.Tree) string {
	w, err := modfile.ParseWork("go.work", []byte(read(t.Path("go.work"))), nil)
	if err != nil || w.Go == nil {
		return ""
	}
	return w.Go.Version
}
