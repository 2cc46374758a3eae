package vm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// Bench times three ways to a first command, in turn, rounds times each, and prints the
// medians and their ratios to the first way:
//
//	plain  QEMU alone with the same kernel, initrd and root, to the first word of its init
//	cold   Start without a snapshot, and `true`
//	warm   Start from the snapshot, and `true`
//
// Ratios of one run hold when the machine is busy; seconds do not.
func Bench(ctx context.Context, image Image, rounds int, out io.Writer) error {
	accel, err := chooseAccel(ctx, Options{Image: image, Log: out})
	if err != nil {
		return err
	}
	ways := []struct {
		name string
		run  func() error
	}{
		{"plain qemu, kernel to init", func() error { return plainBoot(ctx, spec{image: image, accel: accel}) }},
		{"cold start and a command", func() error { return firstCommand(ctx, Options{Image: image, Cold: true}) }},
		{"warm start and a command", func() error { return firstCommand(ctx, Options{Image: image}) }},
	}
	if err := ways[2].run(); err != nil { // makes the snapshot; not counted
		return err
	}
	took := make([][]time.Duration, len(ways))
	for range rounds {
		for i, way := range ways {
			begin := time.Now()
			if err := way.run(); err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			took[i] = append(took[i], time.Since(begin))
		}
	}
	fmt.Fprintf(out, "%-28s %9s %9s %9s %7s   (%s, %d rounds)\n", "", "min s", "median s", "max s", "ratio", accel, rounds)
	base := median(took[0])
	for i, way := range ways {
		fmt.Fprintf(out, "%-28s %9.2f %9.2f %9.2f %7.2f\n", way.name, slices.Min(took[i]).Seconds(),
			median(took[i]).Seconds(), slices.Max(took[i]).Seconds(), median(took[i]).Seconds()/base.Seconds())
	}
	return nil
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func firstCommand(ctx context.Context, o Options) error {
	g, err := Start(ctx, o)
	if err != nil {
		return err
	}
	defer g.Close()
	_, err = g.Output(ctx, "true")
	return err
}

// plainBoot is what a person would type. Without its port the agent says so on the console
// and powers off: that word is when the kernel has handed over to a program.
func plainBoot(ctx context.Context, s spec) error {
	arch := arches[runtime.GOARCH]
	argv := append(slices.Clone(s.image.QEMU.Argv),
		"-machine", arch.machine+",accel="+s.accel, "-cpu", s.cpu(), "-smp", strconv.Itoa(s.cpus()), "-m", ramSize,
		"-nographic", "-vga", "none", "-nic", "none", "-no-reboot", "-kernel", s.image.Kernel, "-initrd", s.image.Initrd,
		"-drive", "if=virtio,format=raw,readonly=on,file.locking=off,file="+escape(s.image.Rootfs),
		"-append", "console="+arch.console+" quiet panic=-1"+params+arch.params)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), s.image.QEMU.Env...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var said []byte
	chunk := make([]byte, 4096)
	for {
		n, err := pipe.Read(chunk)
		said = append(said, chunk[:n]...)
		if bytes.Contains(said, []byte("agent: ")) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the plain boot never reached its init: %s", consoleTail(string(said)))
		}
	}
}
