package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
	"mydocker.example/vm"
)

// bootTime is more than a guest takes to boot, emulated on a busy machine, several times.
const bootTime = 5 * time.Minute

//go:embed hello/main.go
var helloSource []byte

// helloProgram builds the hello world, static, once: what is in the cache is used again.
func helloProgram() (string, error) {
	cache, err := vm.CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "build")
	sum := sha256.Sum256(append([]byte(runtime.Version()+runtime.GOARCH), helloSource...))
	program := filepath.Join(dir, fmt.Sprintf("hello-%x", sum[:6]))
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(dir, ".hello-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	source, fresh := filepath.Join(tmp, "main.go"), filepath.Join(tmp, "hello")
	if err := os.WriteFile(source, helloSource, 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", fresh, source)
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, os.Rename(fresh, program) // whole or not at all
}

// greeting is what hello says, in parts.
var greeting = regexp.MustCompile(`Hello, (\S+)! I am process (\d+) on Linux (\S+) with (\d+) MiB of memory; around me: (.*)\.$`)

// helloKernel boots a kernel in which hello is all there is.
var helloKernel = proof.Proof{
	ID: "hello-kernel", Host: true, Timeout: bootTime,
	Guest: func(r *proof.Report) error {
		hello, err := helloProgram()
		if err != nil {
			return err
		}
		name := rand.Text()[:8]
		cmd, err := guest{programs: map[string]string{"init": hello}, init: "/init", args: []string{name}}.qemu()
		if err != nil {
			return err
		}
		r.Saw("files", "files in the initrd", "init")
		release, err := kernelRelease()
		if err != nil {
			return err
		}
		r.Saw("release", "the kernel file says of itself", "Linux version "+release)
		r.Saw("name", "the word given to init", name)
		machine, err := start(cmd)
		if err != nil {
			return err
		}
		defer machine.kill()
		said, err := machine.until(greeting)
		if err != nil {
			return err
		}
		r.Saw("said", "on its serial line", said[0][strings.Index(said[0], "Hello"):])
		r.Saw("said-name", "the word that came back", said[1])
		r.Saw("said-pid", "its PID", said[2])
		r.Saw("said-release", "its kernel", "Linux version "+said[3])
		r.Saw("said-files", "its root folder", said[5])
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Same("said-name", "name")
		s.Equal("said-pid", "1")
		s.Same("said-release", "release")
		files := strings.Fields(s.Get("said-files"))
		for _, f := range files {
			// The kernel's own first root has an empty dev and an empty root.
			s.Check(f == "init" || f == "dev" || f == "root", "a file that we did not put there: /%s", f)
		}
		s.Check(len(files) > 0, "init should see at least itself")
	},
}

// kernelRelease is the release of the kernel that guests are given, read out of its file.
func kernelRelease() (string, error) {
	image, err := vm.Find()
	if err != nil {
		return "", err
	}
	kernel, err := os.ReadFile(image.Kernel)
	if err != nil {
		return "", err
	}
	return releaseIn(kernel)
}

var banner = regexp.MustCompile(`Linux version ([0-9]\S+) `)

// releaseIn finds the release in a kernel, where it stands as a constant. In a compressed
// one the header says where it is repeated (the kernel's arch/x86/boot.rst).
func releaseIn(kernel []byte) (string, error) {
	if found := banner.FindSubmatch(kernel); found != nil {
		return string(found[1]), nil
	}
	const magic, pointer = 0x202, 0x20e
	if len(kernel) > 0x10000 && string(kernel[magic:magic+4]) == "HdrS" {
		at := 0x200 + int(binary.LittleEndian.Uint16(kernel[pointer:]))
		release, _, _ := bytes.Cut(kernel[at:], []byte(" "))
		return string(release), nil
	}
	return "", errors.New("the kernel's file does not say its release")
}

func init() {
	reexec.Register("/returns", func() { fmt.Println("init returns") })
	reexec.Register("/exits", func() { os.Exit(42) })
	reexec.Register("/powers-off", powersOff)
}

// powersOff is an init that knows its place: the last thing it does is to switch the
// machine off. It runs in the guest, as process 1.
func powersOff() {
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Println("reboot(LINUX_REBOOT_CMD_POWER_OFF):", err) // it does not return
}

// ends is what a kernel has to say about the end of init.
var ends = regexp.MustCompile(`Kernel panic.*|reboot: Power down`)

// initExits boots three inits that end in three ways.
var initExits = proof.Proof{
	ID: "init-exits", Host: true, Timeout: bootTime,
	Guest: func(r *proof.Report) error {
		for _, init := range []string{"/returns", "/exits", "/powers-off"} {
			// The programs are this one, under the name that it is to act on (reexec).
			cmd, err := guest{programs: map[string]string{strings.TrimPrefix(init, "/"): "/proc/self/exe"}, init: init}.qemu()
			if err != nil {
				return err
			}
			machine, err := start(cmd)
			if err != nil {
				return err
			}
			defer machine.kill()
			said, code, err := machine.rest()
			if err != nil {
				return err
			}
			r.Saw("end"+init, "init is "+init+": the kernel's last words", ends.FindString(said))
			r.Sawf("code"+init, "the exit code of QEMU", "%d", code)
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		// The exit status as wait(2) has it: the code is in the second byte.
		s.Equal("end/returns", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000")
		s.Equal("end/exits", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00002a00")
		s.Equal("end/powers-off", "reboot: Power down")
		// From outside, all three look alike.
		for _, init := range []string{"/returns", "/exits", "/powers-off"} {
			s.Equal("code"+init, "0")
		}
	},
}
