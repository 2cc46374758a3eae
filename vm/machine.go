package vm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// A spec is a machine as data. Machines of equal specs can take over each other's snapshots,
// whatever their share is.
type spec struct {
	image Image
	accel string
	share string
	ram   ram
}

// ram is where the guest's memory comes from: anonymous memory of QEMU (the zero value), or
// a file, as a template that writes to it or as a copy that does not.
type ram struct {
	file     string
	template bool // writes go to the file
	incoming bool // do not boot: a state will be loaded
}

const (
	ramSize  = "1G"
	tcg      = "tcg"
	kvm      = "kvm"
	hvf      = "hvf"
	portName = "lab.agent" // as the agent looks for it
)

// A machine is a QEMU process and our ends of its three channels. The channels are socket
// pairs that QEMU inherits: they have no name in any file system, so nothing can be left behind.
type machine struct {
	cmd     *exec.Cmd
	agent   *os.File // the virtio-serial port
	qmp     *os.File // QEMU's own control channel
	console *tailBuffer
	ended   chan struct{}
}

// args is the command line without the program. Descriptors: 3 console, 4 agent, 5 QMP.
func (s spec) args() ([]string, error) {
	share := s.share
	if share == "" {
		empty, err := emptyDir()
		if err != nil {
			return nil, err
		}
		share = empty
	}
	arch, err := archOf(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", arch.machine + ",accel=" + s.accel + ",memory-backend=ram",
		"-cpu", s.cpu(), "-smp", strconv.Itoa(s.cpus()),
		"-m", ramSize, "-object", s.ram.object(),
		"-chardev", "socket,id=console,fd=3", "-serial", "chardev:console",
		"-device", "virtio-serial-pci", "-chardev", "socket,id=agent,fd=4",
		"-device", "virtserialport,chardev=agent,name=" + portName,
		"-chardev", "socket,id=qmp,fd=5", "-mon", "chardev=qmp,mode=control",
		// Read-only to all: locks would keep a second lab from the same image.
		"-drive", "if=none,id=root,format=raw,readonly=on,file.locking=off,file=" + escape(s.image.Rootfs),
		"-device", "virtio-blk-pci,drive=root",
		"-fsdev", "local,id=share,security_model=none,readonly=on,path=" + escape(share),
		"-device", "virtio-9p-pci,fsdev=share,mount_tag=course",
		"-device", "virtio-rng-pci",
	}
	if s.ram.incoming {
		args = append(args, "-incoming", "defer")
	}
	return append(args, "-kernel", s.image.Kernel, "-initrd", s.image.Initrd,
		"-append", "console="+arch.console+" quiet panic=-1 random.trust_cpu=on"+params+arch.params), nil
}

func (r ram) object() string {
	if r.file == "" {
		return "memory-backend-ram,id=ram,size=" + ramSize
	}
	share := "off" // a private mapping: what this guest writes stays in its own memory
	if r.template {
		share = "on"
	}
	return "memory-backend-file,id=ram,size=" + ramSize + ",share=" + share + ",mem-path=" + escape(r.file)
}

// escape doubles commas: QEMU takes one for the end of a value.
func escape(path string) string {
	out := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] == ',' {
			out = append(out, ',')
		}
		out = append(out, path[i])
	}
	return string(out)
}

// emptyDir is what a guest without a share sees: the device is always there, so that every
// guest fits every snapshot.
func emptyDir() (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "lab", "empty")
	return dir, os.MkdirAll(dir, 0o755)
}

// startMachine starts QEMU. It dies with us, even when we are killed: by the parent-death
// signal on Linux, and because the agent powers off when its port closes.
func startMachine(s spec) (*machine, error) {
	args, err := s.args()
	if err != nil {
		return nil, err
	}
	m := &machine{console: &tailBuffer{}, ended: make(chan struct{})}
	var console *os.File
	var theirs []*os.File
	for _, ours := range []**os.File{&console, &m.agent, &m.qmp} {
		a, b, err := socketPair()
		if err != nil {
			closeAll(theirs)
			return nil, err
		}
		*ours, theirs = a, append(theirs, b)
	}
	argv := append(append([]string{}, s.image.QEMU.Argv...), args...)
	m.cmd = exec.Command(argv[0], argv[1:]...)
	m.cmd.Env = append(os.Environ(), s.image.QEMU.Env...)
	m.cmd.ExtraFiles = theirs
	m.cmd.Stdout, m.cmd.Stderr = m.console, m.console
	dieWithParent(m.cmd)

	started := make(chan error)
	go m.live(started)
	err = <-started
	closeAll(theirs)
	if err != nil {
		closeAll([]*os.File{console, m.agent, m.qmp})
		return nil, fmt.Errorf("cannot start QEMU: %w", err)
	}
	go func() {
		io.Copy(m.console, console)
		console.Close()
	}()
	return m, nil
}

// live starts QEMU and waits for it, all on one thread: the parent-death signal is sent when
// the thread that forked ends, not the process (PR_SET_PDEATHSIG(2const)), so Go must not end
// this one before QEMU has ended. Then it is given back: a goroutine that ends locked takes
// its thread along, and with it whatever else was once started from that thread.
func (m *machine) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := m.cmd.Start()
	started <- err
	if err == nil {
		m.cmd.Wait()
	}
	close(m.ended)
}

// kill ends QEMU and waits until it is gone.
func (m *machine) kill() error {
	m.cmd.Process.Kill()
	<-m.ended
	m.agent.Close()
	m.qmp.Close()
	return nil
}

// settle gives a machine that is ending the time to say its last words.
func (m *machine) settle() {
	select {
	case <-m.ended:
		time.Sleep(20 * time.Millisecond)
	case <-time.After(500 * time.Millisecond):
	}
}

// execute sends one QMP command and waits for its answer.
func (m *machine) execute(ctx context.Context, command string, arguments any) error {
	stop := context.AfterFunc(ctx, func() { m.qmp.SetDeadline(time.Now()) })
	defer stop()
	_, err := qmpQuery(m.qmp, command, arguments)
	return err
}

// query is execute for a command whose answer matters.
func (m *machine) query(ctx context.Context, command string) (json.RawMessage, error) {
	stop := context.AfterFunc(ctx, func() { m.qmp.SetDeadline(time.Now()) })
	defer stop()
	return qmpQuery(m.qmp, command, nil)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
