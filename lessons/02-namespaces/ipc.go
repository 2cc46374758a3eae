package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// Objects that are found neither by a path nor by a process number. Their names are keys
// and words of their own, and so they have a namespace of their own (ipc_namespaces(7)).
// Both proofs begin with unshare(CLONE_NEWIPC): what they make goes with their namespace.

// shmKey is what two processes agree on beforehand; any number but 0, which is IPC_PRIVATE.
const shmKey = 0x2a

func init() {
	reexec.Register("finds-memory", findsMemory)
	reexec.Register("finds-queue", findsQueue)
}

// findsMemory runs in a child: it knows a key, reads what lies there, and writes.
func findsMemory() {
	_, err := os.Stat(os.Args[1]) // POSIX shared memory is a file, and another story
	fmt.Println("posix", answer(err))
	id, err := unix.SysvShmGet(shmKey, 0, 0)
	fmt.Println("shmget", answer(err))
	if err != nil {
		return
	}
	memory, err := unix.SysvShmAttach(id, 0, 0)
	check(err)
	fmt.Println("read", unix.ByteSliceToString(memory))
	copy(memory, "altered\x00")
	check(unix.SysvShmDetach(memory))
}

// sharedMemory puts a word into System V shared memory and lets two children look for it.
var sharedMemory = proof.Proof{
	ID: "shm",
	Guest: func(r *proof.Report) error {
		return apart(unix.CLONE_NEWIPC|unix.CLONE_NEWNS, func() error {
			// A /dev/shm that goes with us. What POSIX calls shared memory is files in it.
			if err := privateMounts(); err != nil {
				return err
			}
			if err := unix.Mount("tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
				return fmt.Errorf("mount(%q, %q, %q): %w", "tmpfs", "/dev/shm", "tmpfs", err)
			}
			const posix = "/dev/shm/posix"
			if err := os.WriteFile(posix, nil, 0o600); err != nil {
				return err
			}
			id, err := unix.SysvShmGet(shmKey, 4096, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
			if err != nil {
				return fmt.Errorf("shmget(%#x, IPC_CREAT): %w", shmKey, err)
			}
			memory, err := unix.SysvShmAttach(id, 0, 0)
			if err != nil {
				return fmt.Errorf("shmat(%d): %w", id, err)
			}
			defer unix.SysvShmDetach(memory)
			r.Sawf("made", fmt.Sprintf("shmget(%#x, IPC_CREAT)", shmKey), "%s", "ok")
			for _, scene := range []struct {
				name  string
				flags uintptr
			}{{"shared", 0}, {"isolated", unix.CLONE_NEWIPC}} {
				copy(memory, "secret\x00\x00")
				cmd := reexec.Command("finds-memory", posix)
				cmd.Stderr = os.Stderr
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: scene.flags}
				out, err := cmd.Output()
				if err != nil {
					return err
				}
				questions := map[string]string{
					"shmget": fmt.Sprintf("shmget(%#x) in a child, namespace %s", shmKey, scene.name),
					"read":   "the child reads there",
					"posix":  "stat " + posix + " in the child",
				}
				for line := range strings.Lines(string(out)) {
					name, said, _ := strings.Cut(strings.TrimSpace(line), " ")
					r.Saw(name+"-"+scene.name, questions[name], said)
				}
				r.Saw("after-"+scene.name, "the parent reads afterwards", unix.ByteSliceToString(memory))
			}
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("shmget-shared", "ok")
		s.Equal("read-shared", "secret")
		s.Equal("after-shared", "altered")
		s.Equal("shmget-isolated", "ENOENT")
		s.Equal("after-isolated", "secret")
		s.Equal("posix-shared", "ok")
		s.Equal("posix-isolated", "ok") // a file: this is for lesson 03
	},
}

// queueName is the name of a POSIX message queue. mq_open(3) wants a slash before it and
// takes it off; the system call sees the word.
const queueName = "course-02"

// findsQueue runs in a child: it knows a name, and takes what lies in the queue.
func findsQueue() {
	queue, err := mqOpen(queueName, unix.O_RDONLY|unix.O_NONBLOCK)
	fmt.Println("open", answer(err))
	if err != nil {
		return
	}
	message, err := mqReceive(queue)
	check(err)
	fmt.Println("message", message)
}

// messageQueue leaves a message for whoever knows the name of the queue.
var messageQueue = proof.Proof{
	ID: "mqueue",
	Guest: func(r *proof.Report) error {
		return apart(unix.CLONE_NEWIPC, func() error {
			queue, err := mqOpen(queueName, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_NONBLOCK)
			if err != nil {
				return fmt.Errorf("mq_open(%q, O_CREAT): %w", queueName, err)
			}
			defer unix.Close(queue)
			r.Saw("made", fmt.Sprintf("mq_open(%q, O_CREAT)", "/"+queueName), "ok")
			_, err = os.Stat("/" + queueName)
			r.Saw("stat", fmt.Sprintf("stat %q: it looks like a path", "/"+queueName), answer(err))
			for _, scene := range []struct {
				name  string
				flags uintptr
			}{{"isolated", unix.CLONE_NEWIPC}, {"shared", 0}} {
				if scene.name == "isolated" { // one message: the isolated child leaves it
					if err := mqSend(queue, "meet me at noon"); err != nil {
						return fmt.Errorf("mq_send: %w", err)
					}
				}
				cmd := reexec.Command("finds-queue")
				cmd.Stderr = os.Stderr
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: scene.flags}
				out, err := cmd.Output()
				if err != nil {
					return err
				}
				questions := map[string]string{
					"open":    fmt.Sprintf("mq_open(%q) in a child, namespace %s", "/"+queueName, scene.name),
					"message": "mq_receive there",
				}
				for line := range strings.Lines(string(out)) {
					name, said, _ := strings.Cut(strings.TrimSpace(line), " ")
					r.Saw(name+"-"+scene.name, questions[name], said)
				}
			}
			_, err = mqReceive(queue)
			r.Saw("left", "mq_receive in the parent, after both", answer(err))
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("stat", "ENOENT")
		s.Equal("open-isolated", "ENOENT")
		s.Equal("open-shared", "ok")
		s.Equal("message-shared", "meet me at noon")
		s.Equal("left", "EAGAIN") // taken by a stranger
	},
}

// The raw calls: x/sys/unix has no wrappers for them.

const mqMessageSize = 64

func mqOpen(name string, flags int) (fd int, err error) {
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	attr := [8]int{1: 4, 2: mqMessageSize} // struct mq_attr: flags, maxmsg, msgsize, curmsgs, reserved
	r, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(path)),
		uintptr(flags|unix.O_CLOEXEC), 0o600, uintptr(unsafe.Pointer(&attr)), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

func mqSend(fd int, message string) error {
	data := []byte(message)
	_, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDSEND, uintptr(fd),
		uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func mqReceive(fd int) (string, error) {
	var data [mqMessageSize]byte
	n, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDRECEIVE, uintptr(fd),
		uintptr(unsafe.Pointer(&data)), mqMessageSize, 0, 0, 0)
	if errno != 0 {
		return "", errno
	}
	return string(data[:n]), nil
}
