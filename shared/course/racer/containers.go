package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	profile "github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/seccomp"
)

// containers are the ways that this machine has: a bare clone(2) into six namespaces, with
// chroot and execve and nothing else, is the floor; unshare, bubblewrap, crun and runc if
// they are here; and mydocker. All start the same program in the same root, with a network
// namespace that nobody connects. dir is for what they need; done cleans up.
func containers(dir, mydocker string, args []string) (ways []way, done func(), err error) {
	state := filepath.Join(dir, "mydocker")
	call := func(args ...string) *exec.Cmd {
		cmd := exec.Command(mydocker, args...)
		cmd.Env = append(os.Environ(), "MYDOCKER_ROOT="+state)
		return cmd
	}
	args = append([]string{"run"}, args...)
	// The first makes the default root, which is then everybody's.
	if out, err := call(append(args, "true")...).CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("mydocker %s true: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	root := filepath.Join(state, "rootfs")
	program, err := bundle(root)
	if err != nil {
		return nil, nil, err
	}
	filter, err := seccomp.Docker(caps.Docker.Has).Assemble()
	if err != nil {
		return nil, nil, err
	}
	var code bytes.Buffer
	for _, f := range filter {
		binary.Write(&code, binary.NativeEndian, f)
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, "config.json"), program, 0o644), os.WriteFile(filepath.Join(dir, "filter"), code.Bytes(), 0o644))
	if err != nil {
		return nil, nil, err
	}
	noCgroups, err := closeCgroups()
	if err != nil {
		return nil, nil, err
	}
	oci := func(runtime, without string) func(round int) *exec.Cmd {
		flags := []string{"--root", filepath.Join(dir, runtime)}
		if noCgroups {
			flags = append(flags, without)
		}
		return func(round int) *exec.Cmd {
			return exec.Command(runtime, append(flags, "run", "--bundle", dir, fmt.Sprintf("%s-bench-%d", runtime, round))...)
		}
	}
	ways = []way{
		{"floor: clone, chroot, execve", func(int) *exec.Cmd {
			cmd := exec.Command("/bin/true")
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS |
				unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP}
			return cmd
		}, false},
		{"unshare", func(int) *exec.Cmd {
			return exec.Command("unshare", "-fpmuinC", "-R", root, "/bin/true")
		}, false},
		{"bubblewrap", func(int) *exec.Cmd {
			// The shell opens the filter: a descriptor that is read to its end, each time anew.
			return exec.Command("sh", "-c", `exec bwrap --unshare-all --cap-drop ALL --ro-bind "$0" / --proc /proc --dev /dev --seccomp 9 true 9<"$1"`, root, filepath.Join(dir, "filter"))
		}, true},
		{"crun", oci("crun", "--cgroup-manager=disabled"), true},
		{"runc", oci("runc", "--rootless=true"), true}, // which is what lets it go on without
		{"mydocker " + strings.Join(args, " "), func(int) *exec.Cmd { return call(append(args, "true")...) }, true},
	}
	present := ways[:0]
	for i, way := range ways {
		if tool := []string{"", "unshare", "bwrap", "crun", "runc", ""}[i]; tool != "" {
			if _, err := exec.LookPath(tool); err != nil {
				fmt.Fprintln(os.Stderr, "left out:", err)
				continue
			}
		}
		present = append(present, way)
	}
	return present, func() {
		ids, err := call("ps", "-a", "-q").Output()
		if err == nil && len(ids) > 0 {
			call(append([]string{"rm", "-f"}, strings.Fields(string(ids))...)...).Run()
		}
	}, nil
}

// bundle is the same container in the OCI runtime specification's words, with the filter that
// docker would hand to the runtime: the one that mydocker's is made after. A plain list of
// names takes half the time, and lets more through.
func bundle(root string) ([]byte, error) {
	type m = map[string]any
	names := []string{}
	for _, name := range caps.Docker.Names() {
		names = append(names, "CAP_"+strings.TrimPrefix(name, "CAP_"))
	}
	mount := func(kind, at string, options ...string) m {
		return m{"type": kind, "source": kind, "destination": at, "options": options}
	}
	filter, err := profile.GetDefaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: names}}})
	if err != nil {
		return nil, err
	}
	return json.Marshal(m{
		"ociVersion": "1.0.2",
		"hostname":   "bench",
		"root":       m{"path": root, "readonly": true},
		"process": m{
			"args": []string{"true"}, "cwd": "/", "env": []string{"PATH=/usr/bin:/bin"}, "user": m{"uid": 0, "gid": 0},
			"noNewPrivileges": true,
			"capabilities":    m{"bounding": names, "effective": names, "permitted": names},
		},
		"mounts": []m{
			mount("proc", "/proc"),
			mount("tmpfs", "/dev", "nosuid", "mode=755"),
			mount("devpts", "/dev/pts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
			mount("tmpfs", "/dev/shm", "nosuid", "noexec", "nodev"),
			mount("mqueue", "/dev/mqueue", "nosuid", "noexec", "nodev"),
			mount("sysfs", "/sys", "nosuid", "noexec", "nodev", "ro"),
		},
		"linux": m{
			"namespaces": []m{{"type": "pid"}, {"type": "mount"}, {"type": "uts"}, {"type": "ipc"}, {"type": "network"}, {"type": "cgroup"}},
			"maskedPaths": []string{"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"},
			"readonlyPaths": []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
			"seccomp":       filter,
		},
	})
}
