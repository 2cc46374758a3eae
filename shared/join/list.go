package join

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A list is the system calls of the children, and the memory that they point to. That
// memory is not Go's (mmap(2)): nothing moves it, nothing frees it, and an address in it is
// a number like any other.
//
// A list that is not run by a copy of us but by the machine (Program) has its memory at a
// place of its own: base.
type list struct {
	calls  []call
	what   []any // of each call, for the error: a string or a *Text
	forks  bool
	cwd    *byte   // where getcwd(2) puts its answer
	base   uintptr // where the memory will be; 0: where it is
	memory []byte
	used   int
	files  []int // our copies of descriptors
	err    error // the first that went wrong in the making
}

// A call is one system call.
type call struct {
	step    Step
	kind    kind
	ignored syscall.Errno // not a failure
	trap    uintptr
	args    [6]uintptr

	// What only the machine can do.
	from   [6]source // where an argument is to be read, at the last moment
	branch *Label
	on     [3]exception
}

type kind uint8

const (
	plain     kind = iota
	onLast         // the first argument is what the call before returned
	inside         // getcwd(2), whose answer has to begin with a slash
	forking        // go on in a child of our parent's
	executing      // execve(2): "not there" means to try the next
)

var atFDCWD = func() uintptr { n := unix.AT_FDCWD; return uintptr(n) }()

func newList(room int) (*list, error) {
	memory, err := unix.Mmap(-1, 0, room, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("mmap(%d): %w", room, err)
	}
	return &list{memory: memory}, nil
}

func (l *list) close() {
	l.closeFiles()
	unix.Munmap(l.memory)
}

func (l *list) closeFiles() {
	for _, fd := range l.files {
		unix.Close(fd)
	}
	l.files = nil
}

func (l *list) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// call adds a system call.
func (l *list) call(step Step, what string, trap uintptr, args ...uintptr) {
	c := call{step: step, trap: trap}
	copy(c.args[:], args)
	l.calls, l.what = append(l.calls, c), append(l.what, what)
}

// callOnLast adds one whose first argument is what the call before it returned.
func (l *list) callOnLast(step Step, what string, trap uintptr, args ...uintptr) {
	l.call(step, what, trap, append([]uintptr{0}, args...)...)
	l.calls[len(l.calls)-1].kind = onLast
}

// ignore makes an errno of the call before no failure.
func (l *list) ignore(errno syscall.Errno) { l.calls[len(l.calls)-1].ignored = errno }

// fork makes the rest of the list another process's: a child of our parent's, so that the
// parent can wait for it, and does not wait for the one between.
func (l *list) fork() {
	args := l.bytes(cloneArgs(unix.CLONE_PARENT, 0, -1)) // with CLONE_PARENT, no signal of its own
	l.call(Fork, "", unix.SYS_CLONE3, args, cloneArgsSize)
	l.calls[len(l.calls)-1].kind = forking
	l.forks = true
}

func (l *list) cwdInside(what string) {
	buffer := l.bytes(make([]byte, unix.PathMax))
	l.call(Getcwd, what, unix.SYS_GETCWD, buffer, unix.PathMax)
	if l.base != 0 {
		l.call(Getcwd, what, uintptr(opCheck), buffer, 0xff, '/', uintptr(unix.ENOENT)) // its first byte
		l.calls[len(l.calls)-1].from[0].memory = true
		return
	}
	l.cwd = &l.memory[l.used-unix.PathMax]
	l.calls[len(l.calls)-1].kind = inside
}

func (l *list) filter(program []unix.SockFilter) {
	if len(program) == 0 {
		return
	}
	code := make([]byte, 0, 8*len(program))
	for _, f := range program {
		code = binary.NativeEndian.AppendUint16(code, f.Code)
		code = append(code, f.Jt, f.Jf)
		code = binary.NativeEndian.AppendUint32(code, f.K)
	}
	// struct sock_fprog: the length, and after it, aligned, the address (seccomp(2)).
	head := make([]byte, unsafe.Sizeof(unix.SockFprog{}))
	binary.NativeEndian.PutUint16(head, uint16(len(program)))
	putWord(head[unsafe.Offsetof(unix.SockFprog{}.Filter):], l.bytes(code))
	l.call(SeccompFilter, "", unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, l.bytes(head))
}

// search executes the first of some paths that is there, as execvp(3) does: a file that was
// there and could not be executed is the better answer in the end.
func (l *list) search(what string, paths []string, argv, envv uintptr) {
	try := func(path string, kind kind) *call {
		l.call(Execve, what, unix.SYS_EXECVE, l.path(path), argv, envv)
		c := &l.calls[len(l.calls)-1]
		c.kind = kind
		return c
	}
	if l.base == 0 { // clone.go remembers
		for _, path := range paths {
			try(path, executing)
		}
		return
	}
	// The machine remembers nothing, so it goes on in a second row when one was refused.
	first, last := len(l.calls), len(paths)-1
	second := first + len(paths)
	for i, path := range paths[:last] {
		missing, refused := first+i+1, second+i
		try(path, plain).on = [3]exception{{errno: unix.ENOENT, line: missing}, {errno: unix.ENOTDIR, line: missing}, {errno: unix.EACCES, line: refused}}
	}
	try(paths[last], plain)
	for i, path := range paths[1:] {
		next := second + i + 1
		try(path, plain).on = [3]exception{{errno: unix.ENOENT, line: next}, {errno: unix.ENOTDIR, line: next}, {errno: unix.EACCES, line: next}}
	}
	l.call(Execve, what, uintptr(opCheck), 0, 0, 1, uintptr(unix.EACCES)) // 0 is not 1
}

// descriptor puts a file at a number, in the child; nil is /dev/null.
func (l *list) descriptor(f *os.File, number, flags int) error {
	if f != nil {
		return l.copyOf(int(f.Fd()), number, flags)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	return l.copyOf(int(null.Fd()), number, flags)
}

// copyOf puts a descriptor at a number, in the child, by way of a copy that we make now,
// far above: what the child overwrites on the way is nothing that it still needs.
func (l *list) copyOf(fd, number, flags int) error {
	own, err := farCopy(fd)
	if err != nil {
		return err
	}
	l.files = append(l.files, own)
	l.call(Descriptors, fmt.Sprint(number), unix.SYS_DUP3, uintptr(own), uintptr(number), uintptr(flags))
	return nil
}

// bytes puts data into the memory and returns its address, good for any type.
func (l *list) bytes(data []byte) uintptr {
	const align = 16
	at := (l.used + align - 1) / align * align
	if l.base != 0 {
		const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		l.memory = append(append(l.memory, zeros[:at-l.used]...), data...)
		l.used = len(l.memory)
		return l.base + uintptr(at)
	}
	if at+len(data) >= len(l.memory) {
		l.fail(errors.New("join: the list has no room left"))
		return 0
	}
	l.used = at + copy(l.memory[at:], data)
	return uintptr(unsafe.Pointer(&l.memory[at]))
}

// path puts a string there, with its end.
func (l *list) path(text string) uintptr {
	if strings.IndexByte(text, 0) >= 0 {
		l.fail(fmt.Errorf("%q, which has a zero byte in it: %w", strings.Clone(text), unix.EINVAL)) // else every text would live on
	}
	if l.base == 0 {
		return l.bytes(append([]byte(text), 0))
	}
	at := l.bytes(nil)
	l.memory = append(append(l.memory, text...), 0)
	l.used = len(l.memory)
	return at
}

// pathList puts strings there, and after them the list of their addresses, with its end.
func (l *list) pathList(texts []string) uintptr {
	list := make([]byte, (len(texts)+1)*wordSize)
	for i, text := range texts {
		putWord(list[i*wordSize:], l.path(text))
	}
	return l.bytes(list)
}

func (l *list) words(words ...uint64) uintptr {
	var data []byte
	for _, w := range words {
		data = binary.NativeEndian.AppendUint64(data, w)
	}
	return l.bytes(data)
}

func (l *list) uint32s(numbers []uint32) uintptr {
	var data []byte
	for _, n := range numbers {
		data = binary.NativeEndian.AppendUint32(data, n)
	}
	return l.bytes(data)
}

const wordSize = int(unsafe.Sizeof(uintptr(0)))

func putWord(to []byte, word uintptr) {
	if wordSize == 8 {
		binary.NativeEndian.PutUint64(to, uint64(word))
	} else {
		binary.NativeEndian.PutUint32(to, uint32(word))
	}
}

// cloneArgs is struct clone_args (clone3(2)): eleven words of 64 bits.
func cloneArgs(flags uint64, signal syscall.Signal, cgroup int) []byte {
	var words [11]uint64
	words[0], words[4] = flags, uint64(signal)
	if cgroup >= 0 {
		words[0] |= unix.CLONE_INTO_CGROUP
		words[10] = uint64(cgroup)
	}
	var data []byte
	for _, w := range words {
		data = binary.NativeEndian.AppendUint64(data, w)
	}
	return data
}

const cloneArgsSize = 11 * 8
