package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The calls of KVM that a machine cannot do without (the kernel's virt/kvm/api.rst).
const (
	kvmGetAPIVersion       = 0xAE00
	kvmCreateVM            = 0xAE01
	kvmGetVCPUMmapSize     = 0xAE04
	kvmCreateVCPU          = 0xAE41
	kvmSetTSSAddr          = 0xAE47
	kvmSetUserMemoryRegion = 0x4020AE46
	kvmRun                 = 0xAE80
	kvmSetRegs             = 0x4090AE82
	kvmGetSregs            = 0x8138AE83
	kvmSetSregs            = 0x4138AE84
)

// Why the processor came back from the guest.
const (
	exitIO   = 2
	exitHalt = 5
	exitMMIO = 6
)

// kvmMemory gives the guest memory: a piece of ours, at an address of its own.
type kvmMemory struct {
	slot, flags      uint32
	guestAddr, size  uint64
	userspaceAddress uint64
}

// kvmRegs are the registers of an x86, as KVM lists them.
type kvmRegs struct {
	rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp uint64
	r8, r9, r10, r11, r12, r13, r14, r15   uint64
	rip, rflags                            uint64
}

// kvmSregs are the segments and all else that makes up the mode; we need the first.
type kvmSregs struct {
	csBase     uint64
	csLimit    uint32
	csSelector uint16
	_          [312 - 14]byte
}

const (
	page   = 0x1000
	codeAt = page // the guest's only page: code at its beginning, text behind it
	textAt = codeAt + 0x100
)

// vmm is the hypervisor: a machine with one processor, one page of memory and one device, a
// serial line. It returns what the guest sent there, and how often the guest was left.
func vmm(kvm int, code []byte, text string) (serial string, exits map[uint32]int, err error) {
	machine, err := ioctl(kvm, kvmCreateVM, 0)
	if err != nil {
		return "", nil, fmt.Errorf("ioctl(KVM_CREATE_VM): %w", err)
	}
	defer unix.Close(machine)
	// Intel's real mode needs three pages for itself, anywhere below 4 GiB.
	if _, err := ioctl(machine, kvmSetTSSAddr, 0xfffbd000); err != nil {
		return "", nil, fmt.Errorf("ioctl(KVM_SET_TSS_ADDR): %w", err)
	}

	// Memory: a page of this process, which the guest will find at codeAt.
	memory, err := unix.Mmap(-1, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return "", nil, fmt.Errorf("mmap: %w", err)
	}
	defer unix.Munmap(memory)
	copy(memory, code)
	copy(memory[textAt-codeAt:], text+"\x00")
	region := kvmMemory{guestAddr: codeAt, size: page, userspaceAddress: uint64(uintptr(unsafe.Pointer(&memory[0])))}
	if _, err := ioctl(machine, kvmSetUserMemoryRegion, uintptr(unsafe.Pointer(&region))); err != nil {
		return "", nil, fmt.Errorf("ioctl(KVM_SET_USER_MEMORY_REGION): %w", err)
	}

	// A processor, and the page in which the kernel says why the guest was left.
	cpu, err := ioctl(machine, kvmCreateVCPU, 0)
	if err != nil {
		return "", nil, fmt.Errorf("ioctl(KVM_CREATE_VCPU): %w", err)
	}
	defer unix.Close(cpu)
	size, err := ioctl(kvm, kvmGetVCPUMmapSize, 0)
	if err != nil {
		return "", nil, fmt.Errorf("ioctl(KVM_GET_VCPU_MMAP_SIZE): %w", err)
	}
	why, err := unix.Mmap(cpu, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return "", nil, fmt.Errorf("mmap(vcpu): %w", err)
	}
	defer unix.Munmap(why)

	// It wakes up as a 8086 does, but at our code instead of the firmware.
	var sregs kvmSregs
	if _, err := ioctl(cpu, kvmGetSregs, uintptr(unsafe.Pointer(&sregs))); err != nil {
		return "", nil, fmt.Errorf("ioctl(KVM_GET_SREGS): %w", err)
	}
	sregs.csBase, sregs.csSelector = 0, 0
	if _, err := ioctl(cpu, kvmSetSregs, uintptr(unsafe.Pointer(&sregs))); err != nil {
		return "", nil, fmt.Errorf("ioctl(KVM_SET_SREGS): %w", err)
	}
	regs := kvmRegs{rip: codeAt, rsi: textAt, rdx: serialPort, rflags: 2} // bit 1 is always set
	if _, err := ioctl(cpu, kvmSetRegs, uintptr(unsafe.Pointer(&regs))); err != nil {
		return "", nil, fmt.Errorf("ioctl(KVM_SET_REGS): %w", err)
	}

	// And this loop is the hypervisor.
	exits = map[uint32]int{}
	for {
		if _, err := ioctl(cpu, kvmRun, 0); err != nil && !errors.Is(err, unix.EINTR) {
			return serial, exits, fmt.Errorf("ioctl(KVM_RUN): %w", err)
		} else if err != nil {
			continue // a signal for us: Go's runtime sends them to its threads
		}
		reason := binary.NativeEndian.Uint32(why[8:]) // struct kvm_run
		exits[reason]++
		switch reason {
		case exitIO:
			port, data := binary.NativeEndian.Uint16(why[34:]), binary.NativeEndian.Uint64(why[40:])
			if port != serialPort {
				return serial, exits, fmt.Errorf("no device at port %#x", port)
			}
			serial += string(why[data : data+1])
		case exitMMIO: // an address where we gave it no memory: nothing is there
			if exits[exitMMIO] > 10 {
				return serial, exits, errors.New("the guest has lost its way")
			}
		case exitHalt:
			return serial, exits, nil
		default:
			return serial, exits, fmt.Errorf("KVM_RUN ended for reason %d", reason)
		}
	}
}

// ioctl is the one system call that all of KVM is made of.
func ioctl(fd int, request, arg uintptr) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, arg)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// outside is a guest that reads and writes where it has no memory, then prints its text.
var outside = append([]byte{
	0xA0, 0x00, 0x80, // mov al, [0x8000]
	0xA2, 0x00, 0x90, // mov [0x9000], al
}, nine...)

// hypervisor runs the nine bytes on a machine of their own.
var hypervisor = proof.Proof{
	ID: "hypervisor", Host: true,
	Guest: func(r *proof.Report) error {
		if runtime.GOARCH != "amd64" {
			r.Saw("arch", "the processor", runtime.GOARCH)
			return nil
		}
		kvm, err := unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) {
			r.Saw("no-kvm", "open(/dev/kvm)", err.Error())
			return nil
		}
		if err != nil {
			return fmt.Errorf("open(/dev/kvm): %w", err)
		}
		defer unix.Close(kvm)
		version, err := ioctl(kvm, kvmGetAPIVersion, 0)
		if err != nil {
			return fmt.Errorf("ioctl(KVM_GET_API_VERSION): %w", err)
		}
		r.Sawf("api", "ioctl(KVM_GET_API_VERSION)", "%d", version)

		serial, exits, err := vmm(kvm, nine, guestText)
		if err != nil {
			return err
		}
		r.Saw("serial", "the guest's serial line", strings.TrimSpace(serial))
		r.Sawf("bytes", "bytes that it printed", "%d", len(serial))
		r.Sawf("exits-io", "exits for an out", "%d", exits[exitIO])
		r.Sawf("exits-hlt", "exits for the hlt", "%d", exits[exitHalt])
		r.Sawf("exits-all", "exits in all", "%d", exits[exitIO]+exits[exitHalt]+exits[exitMMIO])

		serial, exits, err = vmm(kvm, outside, guestText)
		if err != nil {
			return err
		}
		r.Sawf("exits-mmio", "a guest that reads and writes outside its page: exits for that", "%d", exits[exitMMIO])
		r.Saw("serial-after", "and its serial line after that", strings.TrimSpace(serial))
		return nil
	},
	Judge: func(s *proof.Seen) {
		if s.Has("arch") {
			skipNotX86(s)
			return
		}
		if s.Has("no-kvm") {
			s.Skip("no way to /dev/kvm: "+s.Get("no-kvm")+". It needs a processor with VT-x or AMD-V, the kvm module, and your user in the group kvm; inside a virtual machine its owner must have allowed nesting",
				"нет доступа к /dev/kvm: "+s.Get("no-kvm")+". Нужны процессор с VT-x или AMD-V, модуль kvm и ваш пользователь в группе kvm; внутри виртуальной машины её владелец должен разрешить вложенность")
			return
		}
		s.Equal("api", "12") // since 2007, and for ever (virt/kvm/api.rst)
		s.Equal("serial", strings.TrimSpace(guestText))
		s.Same("exits-io", "bytes")
		s.Equal("exits-hlt", "1")
		s.Check(s.Int("exits-all") == s.Int("bytes")+1, "the guest should be left for its out and hlt only")
		s.Equal("exits-mmio", "2")
		s.Same("serial-after", "serial")
	},
}

// skipNotX86 says of a claim about x86 that this is none.
func skipNotX86(s *proof.Seen) {
	s.Skip("this proof speaks the machine language of the x86, and this processor is "+s.Get("arch"),
		"это доказательство говорит на машинном языке x86, а здесь процессор "+s.Get("arch"))
}
