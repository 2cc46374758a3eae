package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// kvmWatchdog is how long a kernel under KVM may take to say its first word. Where KVM works
// that is a fraction of a second; where it only opens, the kernel never does.
const kvmWatchdog = 10 * time.Second

// A verdict is what a try of the hardware's help showed, kept for the next start.
type verdict struct {
	Accel string `json:"accel"`
	Why   string `json:"why"`
}

// chooseAccel finds what runs the guest's instructions. A /dev/kvm that opens proves nothing
// (nested machines have one that cannot run Linux), so a guest is booted on it once, under a
// watchdog, and the outcome is remembered. LAB_ACCEL names one and skips the try.
func chooseAccel(ctx context.Context, o Options) (string, error) {
	switch named := os.Getenv("LAB_ACCEL"); named {
	case tcg, kvm, hvf:
		return named, nil
	case "":
	default:
		return "", fmt.Errorf("LAB_ACCEL=%q: the lab knows kvm, hvf and tcg", named)
	}
	candidate := hardwareAccel()
	if candidate == "" {
		return tcg, nil
	}
	path, err := verdictPath(o.Image)
	if err != nil {
		return "", err
	}
	if v, err := readVerdict(path); err == nil {
		return v.Accel, nil
	}
	fmt.Fprintf(o.Log, "lab: trying whether %s runs a kernel here\n", candidate)
	v := tryAccel(ctx, o.Image, candidate)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	fmt.Fprintf(o.Log, "lab: %s\n", v.Why)
	return v.Accel, writeVerdict(path, v)
}

// hardwareAccel is what could be tried here: "" where there is nothing to try.
func hardwareAccel() string {
	switch runtime.GOOS {
	case "darwin":
		return hvf
	case "linux":
		f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
		if err == nil {
			f.Close()
			return kvm
		}
	}
	return ""
}

func tryAccel(ctx context.Context, image Image, accel string) verdict {
	m, err := startMachine(spec{image: image, accel: accel})
	if err != nil {
		return verdict{tcg, fmt.Sprintf("%s: %v; the lab emulates", accel, err)}
	}
	g := newGuest(m, spec{image: image, accel: accel})
	defer g.Close()
	select {
	case <-g.ready:
		return verdict{accel, accel + " runs a kernel"}
	case <-g.dead:
		m.settle()
		return verdict{tcg, fmt.Sprintf("%s opens, but QEMU ended (%s); the lab emulates", accel, lastLine(g.Console()))}
	case <-time.After(kvmWatchdog):
		return verdict{tcg, fmt.Sprintf("%s opens, but no kernel came up in %v; the lab emulates", accel, kvmWatchdog)}
	case <-ctx.Done():
		return verdict{tcg, "interrupted"}
	}
}

// verdictPath: another processor, kernel or QEMU is another question.
func verdictPath(image Image) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	sum := sha256.Sum256([]byte(hostCPU() + string(release) + image.QEMU.Version))
	return filepath.Join(cache, "lab", "accel-"+hex.EncodeToString(sum[:8])+".json"), nil
}

func readVerdict(path string) (verdict, error) {
	var v verdict
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	return v, err
}

// writeVerdict renames a whole file into place: two labs may find out at once.
func writeVerdict(path string, v verdict) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".accel-")
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// hostCPU is the processor's model and flags, without what changes from second to second.
func hostCPU() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	var keep []string
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "model name") || strings.HasPrefix(line, "flags") {
			keep = append(keep, line)
		}
		if line == "\n" {
			break // the first processor speaks for all
		}
	}
	return strings.Join(keep, "")
}

func lastLine(text string) string {
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// Accelerator is what runs the instructions of guests of this image here: kvm, hvf or tcg.
func Accelerator(ctx context.Context, image Image) (string, error) {
	return chooseAccel(ctx, Options{Image: image, Log: io.Discard})
}

// Tried is what an earlier start found out about the hardware's help, in words; "" before that.
func Tried(image Image) string {
	path, err := verdictPath(image)
	if err != nil {
		return ""
	}
	v, err := readVerdict(path)
	if err != nil {
		return ""
	}
	return v.Why
}
