package doctor

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// What LAB=host needs, which runs a lesson's proofs on this machine and not in the lab.

// A need is one line of `make doctor NN`.
type need func(m Machine) Finding

// hostNeeds is what each lesson needs of a machine that stands in for the lab, beside Linux.
// The lesson looks itself before it runs (Lesson.Needs); this is the same with what to type.
var hostNeeds = map[int][]need{
	0: {Machine.accelerator}, // it judges on this machine anyway, and starts its guests from the lab's image
	1: {Machine.root},
	2: {Machine.root, Machine.yama, installed("ps", "procps", "procps-ng", "procps-ng")},
	3: {Machine.root, module("overlay", "CONFIG_OVERLAY_FS")},
	4: {Machine.root, Machine.cgroup2, Machine.controllers},
	5: {Machine.root, Machine.userNamespaces, Machine.student, installed("newuidmap", "uidmap", "shadow-utils", "shadow")},
	6: {Machine.root, Machine.student, Machine.lastCap, Machine.firstDisk},
	7: {Machine.root, Machine.cgroup2, module("bridge", "CONFIG_BRIDGE"), module("veth", "CONFIG_VETH"), module("nf_tables", "CONFIG_NF_TABLES"), installed("runc", "runc", "runc", "runc")},
}

// Hurts are the lessons with proofs that LAB=host refuses, because they could hurt a machine.
var Hurts = []int{3, 4, 5, 6, 7}

// ForHost looks at this machine for one lesson.
func ForHost(ctx context.Context, m Machine, t tree.Tree, l tree.Lesson) []Finding {
	findings := []Finding{m.system(), goTool(ctx, t)}
	if l.OnHost() {
		findings = append(findings, labImage(), m.qemu(ctx))
	}
	for _, look := range hostNeeds[l.Number] {
		f := look(m)
		f.Needed = !l.OnHost() // an accelerator is needed by none
		findings = append(findings, f)
	}
	return findings
}

func (m Machine) root() Finding {
	return Finding{"root", os.Geteuid() == 0, true, fmt.Sprintf("uid %d", os.Geteuid()), say.T("sudo -E, before make", "sudo -E перед make")}
}

// cgroup2: the file is in the root of a version 2 hierarchy, and of no other (cgroups(7)).
func (m Machine) cgroup2() Finding {
	top := filepath.Join(m.Sys, "fs", "cgroup")
	f := Finding{"cgroup v2", exists(top, "cgroup.controllers"), false, "/sys/fs/cgroup", ""}
	switch {
	case !f.OK && runtime.GOOS != "linux":
		f.Found = runtime.GOOS
	case !f.OK:
		f.Found = say.T("no version 2 at /sys/fs/cgroup", "на /sys/fs/cgroup не версия 2")
		f.Mend = say.T("add systemd.unified_cgroup_hierarchy=1 to the kernel's command line, and restart", "добавьте systemd.unified_cgroup_hierarchy=1 в командную строку ядра и перезагрузите")
		if m.isWSL() {
			f.Mend = say.T("in Windows, %UserProfile%\\.wslconfig: [wsl2] kernelCommandLine=cgroup_no_v1=all, then wsl --shutdown", "в Windows, %UserProfile%\\.wslconfig: [wsl2] kernelCommandLine=cgroup_no_v1=all, затем wsl --shutdown")
		}
	}
	if _, options := m.mounted("/sys/fs/cgroup"); f.OK && strings.HasPrefix(options, "ro") {
		f.OK, f.Found = false, say.T("mounted read-only, as in a container", "смонтирован только для чтения, как в контейнере")
		f.Mend = "sudo mount -o remount,rw /sys/fs/cgroup"
	}
	return f
}

// controllers are those that lesson 04 hands down to its groups.
func (m Machine) controllers() Finding {
	top := filepath.Join(m.Sys, "fs", "cgroup")
	enabled := strings.Fields(read(top, "cgroup.subtree_control"))
	var missing []string
	for _, name := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(enabled, name) {
			missing = append(missing, "+"+name)
		}
	}
	return Finding{say.T("controllers", "контроллеры"), len(missing) == 0, true, strings.Join(enabled, " "),
		"echo '" + strings.Join(missing, " ") + "' | sudo tee /sys/fs/cgroup/cgroup.subtree_control"}
}

// userNamespaces may be forbidden in three ways: their number, Debian's switch, Ubuntu's.
func (m Machine) userNamespaces() Finding {
	f := Finding{Name: "user namespaces", OK: true}
	limit := read(m.Proc, "sys", "user", "max_user_namespaces")
	f.Found = say.T("up to ", "до ") + limit
	for _, forbidden := range []struct {
		file  string
		value string
		found string
		mend  string
	}{
		{"user/max_user_namespaces", "0", say.T("none are allowed", "не разрешено ни одного"), "user.max_user_namespaces=15000"},
		{"kernel/unprivileged_userns_clone", "0", say.T("for root only (Debian's switch)", "только для root (выключатель Debian)"), "kernel.unprivileged_userns_clone=1"},
		{"kernel/apparmor_restrict_unprivileged_userns", "1", say.T("without capabilities for whoever is not root (Ubuntu's AppArmor)", "без capabilities для всех, кроме root (AppArmor в Ubuntu)"), "kernel.apparmor_restrict_unprivileged_userns=0"},
	} {
		if read(m.Proc, "sys", filepath.FromSlash(forbidden.file)) == forbidden.value {
			f.OK, f.Found, f.Mend = false, forbidden.found, "sudo sysctl -w "+forbidden.mend
			return f
		}
	}
	if !exists(m.Proc, "self", "ns", "user") {
		f.OK, f.Found = false, say.T("this kernel has none", "в этом ядре их нет")
	}
	return f
}

// yama lets a process trace another one of its user, which lesson 02 shows (ptrace(2)).
func (m Machine) yama() Finding {
	value := read(m.Proc, "sys", "kernel", "yama", "ptrace_scope")
	return Finding{"ptrace", value == "" || value == "0", true, "kernel.yama.ptrace_scope = " + value, "sudo sysctl -w kernel.yama.ptrace_scope=0"}
}

// student is the user of the lab, whom lessons 05 and 06 become.
func (m Machine) student() Finding {
	f := Finding{Name: say.T("user student", "пользователь student"), Mend: "sudo useradd -m student && sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 student"}
	if u, err := user.Lookup("student"); m.Etc == "/etc" && err != nil || m.Etc != "/etc" && !hasLine(read(m.Etc, "passwd"), "student:") {
		f.Found = say.T("there is none", "нет такого")
		return f
	} else if u != nil {
		f.Found = "uid " + u.Uid
	}
	for _, file := range []string{"subuid", "subgid"} {
		if !hasLine(read(m.Etc, file), "student:100000:65536") {
			f.Found = say.T("no ids 100000 to 165535 in /etc/", "нет номеров 100000–165535 в /etc/") + file
			f.Mend = "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 student"
			return f
		}
	}
	f.OK = true
	return f
}

func hasLine(text, prefix string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// newestCap is the last capability that lesson 06 counts to: CAP_CHECKPOINT_RESTORE.
const newestCap = 40

func (m Machine) lastCap() Finding {
	last, err := strconv.Atoi(read(m.Proc, "sys", "kernel", "cap_last_cap"))
	return Finding{"capabilities", err == nil && last >= newestCap, true, fmt.Sprintf(say.T("0 to %d", "от 0 до %d"), last), say.T("Linux 5.9 or newer", "Linux 5.9 или новее")}
}

// firstDisk is the one from which the attack of lesson 06 tries to read.
func (m Machine) firstDisk() Finding {
	return Finding{say.T("disk to attack", "диск для атаки"), exists(m.Dev, "vda"), true, "/dev/vda", say.T("only a virtual machine has it; the lab does", "он бывает только в виртуальной машине; в лаборатории есть")}
}

// module is a part of the kernel that is built in, is loaded, or that modprobe(8) would find.
func module(name, option string) need {
	return func(m Machine) Finding {
		f := Finding{Name: name, Found: say.T("in the kernel, or a module", "в ядре или модулем")}
		dir := filepath.Join(m.Lib, "modules", read(m.Proc, "sys", "kernel", "osrelease"))
		for _, file := range []string{"modules.builtin", "modules.dep"} {
			f.OK = f.OK || strings.Contains(read(dir, file), "/"+name+".ko")
		}
		f.OK = f.OK || exists(m.Sys, "module", name) || slices.Contains(m.kernelConfig(), option+"=y")
		if !f.OK {
			f.Found, f.Mend = say.T("this kernel has none", "в этом ядре нет"), "sudo modprobe "+name
		}
		return f
	}
}

// kernelConfig is what the kernel was built with, where it tells (proc_config.gz(5)).
func (m Machine) kernelConfig() []string {
	f, err := os.Open(filepath.Join(m.Proc, "config.gz"))
	if err != nil {
		return nil
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// installed is a program, and the package that has it.
func installed(program, debian, fedora, arch string) need {
	return func(m Machine) Finding {
		path, err := m.Find(program)
		return Finding{program, err == nil, true, path, m.install(debian, fedora, arch)}
	}
}

var errDenied = errors.New("denied")

// readWrite says errDenied where there is such a file and we may not open it.
func readWrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrPermission) {
		return errDenied
	}
	if err == nil {
		err = f.Close()
	}
	return err
}
