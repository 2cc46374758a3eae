package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

func init() {
	reexec.Register("tour", tour)
	reexec.Register("orphan", func() { time.Sleep(time.Second) })
}

// tour is the command that make try-00 gives to an init: it looks around, leaves an orphan
// and ends with 42. It runs in the guest.
func tour() {
	fmt.Printf("tour: I am process %d, my parent is process %d\n", os.Getpid(), os.Getppid())
	for _, path := range []string{"/proc/self/stat", "/sys/kernel", "/dev/null"} {
		_, err := os.Stat(path)
		fmt.Printf("tour: %s: %v\n", path, err)
	}
	orphan := reexec.Command("orphan")
	orphan.Path = "/bin/tour" // there may be no /proc
	if err := orphan.Start(); err != nil {
		fmt.Println("tour:", err)
		os.Exit(1)
	}
	fmt.Println("tour: I leave process", orphan.Process.Pid, "behind and end with 42")
	os.Exit(42)
}

// try boots a machine with somebody's init on this terminal, and returns what came out at
// its exit port.
func try(init string) int {
	code, err := tryOnce(init)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	return code
}

func tryOnce(init string) (int, error) {
	fd, err := unix.MemfdCreate("exit", unix.MFD_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("memfd_create: %w", err)
	}
	port := os.NewFile(uintptr(fd), "exit")
	defer port.Close()
	cmd, err := guest{
		programs: map[string]string{"init": init, "bin/tour": "/proc/self/exe"},
		init:     "/init",
		params:   "EXIT_PORT=/dev/" + boards[runtime.GOARCH].second,
		args:     []string{"tour"},
	}.qemu()
	if err != nil {
		return 0, err
	}
	cmd.Args = append(cmd.Args, "-serial", "file:/proc/self/fd/4")
	cmd.ExtraFiles = append(cmd.ExtraFiles, port)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("QEMU: %w", err)
	}
	told, err := io.ReadAll(io.NewSectionReader(port, 0, 64))
	if err != nil {
		return 0, err
	}
	text := strings.TrimSpace(string(told))
	if text == "" {
		return 0, fmt.Errorf("nothing has arrived at EXIT_PORT")
	}
	fmt.Printf("at EXIT_PORT: %s\n", text)
	return atoi(text), nil
}
