package join

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The machine is what runs a Program: some 120 instructions (machine_amd64.s,
// machine_arm64.s) that read a table of system calls and make them, one after the other. It
// has no stack, no heap and no runtime; in a container it is process 1.
//
// Go's assembler translates it into this program like any function, and nobody here ever
// calls it: its bytes are copied into an ELF file of their own (elf(5)), before the table.

// Where the file lies in memory. 64 KiB is the largest page that a kernel may have.
const (
	codeAddress = 0x400000
	dataAddress = 0x500000
	pageSize    = 0x10000
)

// machineStart is the address of the first instruction (machine_*.s).
var machineStart *[1 << 10]byte

// machineEnd stands behind the last.
var machineEnd = []byte("the end.")

// An instruction is a line of the table, as the machine reads it: 16 words.
type instruction struct {
	trap   uint64    // the number of a system call, or one of the machine's own below
	args   [6]uint64 // its arguments
	result uint64    // the address at which its result is kept for lines below; 0: nowhere
	loads  uint64    // bit n: argument n is the address of a word, and the word is meant
	branch uint64    // where to go on when the result is not 0: a parent, after its clone(2)
	on     [3]struct {
		errno uint64 // an errno that is no failure
		next  uint64 // where to go on
	}
}

const instructionSize = uint64(unsafe.Sizeof(instruction{}))

// What the machine can do beside system calls.
const (
	opCheck    uint64 = 1<<16 + iota // arg 0 & arg 1 must be arg 2, or it fails with errno arg 3
	opCheckNot                       // and here it must not be
	opGo                             // go on at arg 0
	opWait                           // be process 1 until child arg 0 ends, and end with its exit code
)

// scratch is the machine's own memory, at the beginning of the data.
type scratch struct {
	table   uint64 // where the table begins
	allBits uint64 // a full signal set (rt_sigtimedwait(2))
	_       uint64 // what wait4(2) says of a child
	_       uint64 // the line that failed, and its errno, which are reported
	_       uint64
}

const scratchSize = int(unsafe.Sizeof(scratch{}))

// words are a struct's bytes as they lie in memory.
func words[T any](of *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(of)), unsafe.Sizeof(*of)) }

// elfFile is the head of the file: one segment with the machine, readable and executable,
// one with the data, readable and writable, and no stack to execute.
type elfFile struct {
	ident                              [16]byte
	kind, machine                      uint16
	version                            uint32
	entry, programHeaders, _           uint64
	_                                  uint32 // flags
	size, headerSize, headers, _, _, _ uint16
	segments                           [3]segment
}

type segment struct {
	kind, flags                                        uint32
	offset, address, physical, inFile, inMemory, align uint64
}

const (
	elfExecutable                 = 2
	elfLoad, elfStack             = 1, 0x6474e551
	canExecute, canWrite, canRead = 1, 2, 4
)

// file is a program that the kernel can execute, in memory, which nobody can change any
// more (memfd_create(2), F_ADD_SEALS).
func (l *list) file(name string) (*os.File, error) {
	if l.err != nil {
		return nil, l.err
	}
	length := bytes.Index(machineStart[:], machineEnd)
	if length < 0 {
		return nil, errors.New("join: no end of the machine")
	}
	code, table := machineStart[:length], l.table()
	end := pageSize + int64(l.tableAt()+len(table))
	at := uint64(unsafe.Sizeof(elfFile{}))
	head := elfFile{
		ident: [16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, // 64 bits, little endian, version 1
		kind:  elfExecutable, machine: elfMachine, version: 1, entry: codeAddress + at,
		programHeaders: uint64(unsafe.Offsetof(elfFile{}.segments)),
		size:           uint16(unsafe.Offsetof(elfFile{}.segments)), headerSize: uint16(unsafe.Sizeof(segment{})), headers: 3,
		segments: [3]segment{
			{elfLoad, canRead | canExecute, 0, codeAddress, codeAddress, at + uint64(length), at + uint64(length), pageSize},
			{elfLoad, canRead | canWrite, pageSize, dataAddress, dataAddress, uint64(end - pageSize), uint64(end - pageSize), pageSize},
			{kind: elfStack, flags: canRead | canWrite},
		},
	}
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 every memfd was executable
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if errors.Is(err, unix.EACCES) {
		return nil, fmt.Errorf("memfd_create(%q, MFD_EXEC): %w: this machine forbids programs in memory (sysctl vm.memfd_noexec, which must be 0 or 1)", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create(%q): %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	for _, part := range []struct {
		data []byte
		at   int64
	}{{words(&head), 0}, {code, int64(at)}, {l.memory, pageSize}, {table, end - int64(len(table))}} {
		if _, err := f.WriteAt(part.data, part.at); err != nil {
			return nil, err
		}
	}
	const seals = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("fcntl(memfd, F_ADD_SEALS): %w", err)
	}
	// Not the descriptor itself: what is open for writing cannot be executed (ETXTBSY).
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open(%q): %w", path, err)
	}
	defer unix.Close(fd)
	far, err := farCopy(fd)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(far), name), nil
}

// farAway is above all numbers that a child gives to descriptors of its own, and below 64:
// for a number that is above the table of a process with several threads the kernel makes a
// larger one, and waits until nobody reads the old (some ten milliseconds).
const farAway = 50

// farCopy is a copy of a descriptor up there (fcntl(2), F_DUPFD_CLOEXEC).
func farCopy(fd int) (int, error) {
	far, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, farAway)
	if errors.Is(err, unix.EINVAL) {
		return 0, fmt.Errorf("fcntl(%d, F_DUPFD_CLOEXEC, %d): %w: that many open files are not allowed here (ulimit -n); it takes 64", fd, farAway, err)
	}
	if err != nil {
		return 0, fmt.Errorf("fcntl(%d, F_DUPFD_CLOEXEC, %d): %w", fd, farAway, err)
	}
	return far, nil
}

// table is the calls as the machine reads them, and behind them the words for the results
// that others ask for. The rest of the data is l.memory: the machine's own, and what the calls
// point to.
func (l *list) table() []byte {
	own := scratch{table: dataAddress + uint64(l.tableAt()), allBits: ^uint64(0)}
	copy(l.memory, words(&own))
	line := func(n int) uint64 { return own.table + uint64(n)*instructionSize }
	program := make([]instruction, len(l.calls), len(l.calls)+len(l.calls)/16+1) // results: eight bytes a call, at most
	kept := line(len(program))
	for n := range l.calls {
		c, i := &l.calls[n], &program[n]
		i.trap = uint64(c.trap)
		for n, a := range c.args {
			i.args[n] = uint64(a)
			if from := c.from[n]; from.line > 0 { // from above: that line is written already
				result := &program[from.line-1].result
				if *result == 0 {
					*result, kept = kept, kept+8
				}
				i.args[n] = *result
				i.loads |= 1 << n
			} else if from.memory {
				i.loads |= 1 << n
			}
		}
		if c.branch != nil {
			i.branch = line(c.branch.line)
		}
		for n, on := range c.on {
			if on.to != nil {
				on.line = on.to.line
			}
			if on.to != nil || on.errno != 0 {
				i.on[n].errno, i.on[n].next = uint64(on.errno), line(on.line)
			}
		}
		if c.ignored != 0 {
			i.on[2].errno, i.on[2].next = uint64(c.ignored), line(n+1)
		}
		if i.trap == opGo {
			i.args[0] = i.on[0].next
		}
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(program))), kept-own.table)
}

// tableAt is where the table is in the data.
func (l *list) tableAt() int { return (l.used + 15) / 16 * 16 }

// failure reads what a machine has reported: nil if it has said nothing, for then all is well.
func (l *list) failure(said []byte) error {
	if len(said) == 0 {
		return nil
	}
	const size = 16
	if len(said) == size {
		table := dataAddress + uint64(l.tableAt())
		at, errno := binary.NativeEndian.Uint64(said), binary.NativeEndian.Uint64(said[8:])
		if n := (at - table) / instructionSize; at >= table && n < uint64(len(l.calls)) && errno < 4096 {
			return &Error{Step: l.calls[n].step, What: fmt.Sprint(l.what[n]), Errno: syscall.Errno(errno)}
		}
	}
	return errors.New("join: the report makes no sense")
}
