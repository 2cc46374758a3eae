//go:build amd64

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// A monitor plays the hardware for a guest that runs as an ordinary process. The guest's
// instructions run on the processor as they are. One that only a kernel may execute traps:
// the kernel hands us a stopped guest (ptrace(2)), and we do what the hardware would have.
type monitor struct {
	pid    int
	traps  int
	serial []byte // what the guest sent to its serial line
}

// trapAndEmulate runs the nine bytes under a monitor.
var trapAndEmulate = proof.Proof{
	ID: "trap-and-emulate", Host: true,
	Guest: func(r *proof.Report) error {
		runtime.LockOSThread() // ptrace(2): the tracer is a thread; it ends with this proof

		program, textAt := elf(nine, append([]byte(guestText), 0))
		how, err := runELF(program)
		if err != nil {
			return err
		}
		r.Saw("alone", "alone, as a process: how it ended", how)
		m, err := trace(program)
		if err != nil && errors.Is(err, unix.EPERM) {
			r.Saw("refused", "ptrace(PTRACE_TRACEME)", err.Error())
			return nil
		}
		if err != nil {
			return err
		}
		defer m.kill()
		if err := m.run(textAt); err != nil {
			return err
		}
		r.Saw("serial", "under a monitor, its serial line", strings.TrimSpace(string(m.serial)))
		r.Sawf("bytes", "bytes that it printed", "%d", len(m.serial))
		r.Sawf("traps", "instructions that trapped", "%d", m.traps)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("alone", "signal: segmentation fault")
		if s.Has("refused") {
			s.Skip("this machine forbids ptrace(2): "+s.Get("refused"), "на этой машине запрещён ptrace(2): "+s.Get("refused"))
			return
		}
		s.Equal("serial", strings.TrimSpace(guestText))
		s.Check(s.Int("traps") == s.Int("bytes")+1, "each out and the hlt should trap, and nothing else")
	},
}

// run starts the guest where it stands and serves it until it halts.
func (m *monitor) run(textAt uint64) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(m.pid, &regs); err != nil {
		return fmt.Errorf("ptrace(PTRACE_GETREGS): %w", err)
	}
	regs.Rsi, regs.Rdx = textAt, serialPort
	for {
		if err := unix.PtraceSetRegs(m.pid, &regs); err != nil {
			return fmt.Errorf("ptrace(PTRACE_SETREGS): %w", err)
		}
		if err := unix.PtraceCont(m.pid, 0); err != nil {
			return fmt.Errorf("ptrace(PTRACE_CONT): %w", err)
		}
		// The guest runs, at full speed and unwatched, until it does what it may not.
		var ws unix.WaitStatus
		if _, err := unix.Wait4(m.pid, &ws, 0, nil); err != nil {
			return fmt.Errorf("wait4(%d): %w", m.pid, err)
		}
		if !ws.Stopped() || ws.StopSignal() != unix.SIGSEGV {
			return fmt.Errorf("the guest did not trap: wait status %#x", ws)
		}
		m.traps++
		if err := unix.PtraceGetRegs(m.pid, &regs); err != nil {
			return fmt.Errorf("ptrace(PTRACE_GETREGS): %w", err)
		}
		halted, err := m.emulate(&regs)
		if halted || err != nil {
			return err
		}
	}
}

// emulate does what one instruction would have done on a machine of the guest's own.
func (m *monitor) emulate(regs *unix.PtraceRegs) (halted bool, err error) {
	instruction := make([]byte, 1)
	if _, err := unix.PtracePeekData(m.pid, uintptr(regs.Rip), instruction); err != nil {
		return false, fmt.Errorf("ptrace(PTRACE_PEEKDATA): %w", err)
	}
	switch {
	case instruction[0] == 0xEE && uint16(regs.Rdx) == serialPort: // out dx, al
		m.serial = append(m.serial, byte(regs.Rax))
		regs.Rip++ // past it
		return false, nil
	case instruction[0] == 0xF4: // hlt
		return true, nil
	}
	return false, fmt.Errorf("no device for instruction %#x", instruction)
}

// trace starts a program that stops at its first instruction, to be told to go on by us.
func trace(program []byte) (*monitor, error) {
	path, remove, err := executable(program)
	if err != nil {
		return nil, err
	}
	defer remove()
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m := &monitor{pid: cmd.Process.Pid}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(m.pid, &ws, 0, nil); err != nil {
		return nil, fmt.Errorf("wait4(%d): %w", m.pid, err)
	}
	// If we are killed, the kernel kills the guest.
	if err := unix.PtraceSetOptions(m.pid, unix.PTRACE_O_EXITKILL); err != nil {
		m.kill()
		return nil, fmt.Errorf("ptrace(PTRACE_SETOPTIONS): %w", err)
	}
	return m, nil
}

func (m *monitor) kill() {
	unix.Kill(m.pid, unix.SIGKILL)
	unix.Wait4(m.pid, nil, 0, nil)
}

// Two programs that want the interrupts off, so that nobody can take the processor from
// them. A kernel does this all day; in a process it must not work.
var (
	// The straight way: an instruction for it.
	cli = []byte{
		0xFA,       // cli            interrupts off
		0x31, 0xFF, // xor edi, edi
		0xB8, 0x3C, 0x00, 0x00, 0x00, // mov eax, 60    exit(0)
		0x0F, 0x05, // syscall
	}
	// The other way: take the flags, clear the one for interrupts, put them back.
	popf = []byte{
		0x9C,             // pushfq
		0x58,             // pop rax
		0x80, 0xE4, 0xFD, // and ah, ~2     bit 9 of the flags, IF
		0x50,             // push rax
		0x9D,             // popfq
		0x9C,             // pushfq         and look at what came of it
		0x5F,             // pop rdi
		0xC1, 0xEF, 0x09, // shr edi, 9
		0x83, 0xE7, 0x01, // and edi, 1
		0xB8, 0x3C, 0x00, 0x00, 0x00, // mov eax, 60    exit(IF)
		0x0F, 0x05, // syscall
	}
)

// silent looks at two instructions that a process may not have its way with.
var silent = proof.Proof{
	ID: "silent", Host: true,
	Guest: func(r *proof.Report) error {
		for _, p := range []struct {
			key  string
			code []byte
		}{{"cli", cli}, {"popf", popf}} {
			program, _ := elf(p.code, nil)
			how, err := runELF(program)
			if err != nil {
				return err
			}
			r.Saw(p.key, p.key+" in a process: how the process ended", how)
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("cli", "signal: segmentation fault") // it trapped: a monitor would have heard
		s.Equal("popf", "exit status 1")             // it did nothing, and nobody heard
	},
}

// runELF runs a program to its end and says how it ended.
func runELF(program []byte) (string, error) {
	path, remove, err := executable(program)
	if err != nil {
		return "", err
	}
	defer remove()
	cmd := exec.Command(path)
	err = cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return "", err
	}
	return strings.TrimSuffix(cmd.ProcessState.String(), " (core dumped)"), nil
}

// executable writes a program to a file of its own.
func executable(program []byte) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "guest-")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "guest")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		os.RemoveAll(dir)
		return "", nil, err
	}
	return path, func() { os.RemoveAll(dir) }, nil
}
