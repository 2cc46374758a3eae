package main_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// What the checks of the network stand on: containers that do nothing, a visit to a
// container's network namespace, and a machine on the host's other side.

const netPatience = 5 * time.Second // for a state to come; scaled under emulation

// The main thread is what /proc/self shows of us: it does nothing but wait for the tests.
func init() { runtime.LockOSThread() }

// A guest is a container that sleeps. What its network can do, the checks try out
// themselves, on threads that visit its namespace: it needs no programs for that.
type guest struct {
	id  string
	pid int
}

// netRoot makes a root of busybox.
func netRoot(t *grade.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "homework-")
	if err != nil {
		t.Broken(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	root := filepath.Join(dir, "rootfs")
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Broken(err)
	}
	data, err := os.ReadFile(busybox)
	err = errors.Join(err, os.Chmod(dir, 0o755), os.MkdirAll(root+"/bin", 0o755), os.Mkdir(root+"/etc", 0o755))
	if err == nil {
		err = os.WriteFile(root+"/bin/busybox", data, 0o755)
	}
	for _, name := range []string{"sh", "sleep", "true"} {
		err = errors.Join(err, os.Symlink("busybox", root+"/bin/"+name))
	}
	if err != nil {
		t.Broken(err)
	}
	return root
}

// startGuest runs mydocker run -d with flags and finds the container's process.
func startGuest(t *grade.T, root string, flags ...string) guest {
	t.Helper()
	token := rand.Text()
	args := append(append([]string{"run", "-d", "--rootfs", root}, flags...), "sh", "-c", "while :; do sleep 600; done", token)
	res := t.Mydocker(args...).Run()
	call := "mydocker run -d " + strings.Join(flags, " ")
	id := strings.TrimSpace(res.Stdout)
	if res.Code != 0 || id == "" {
		t.Saw(call, fmt.Sprintf("exit %d: %s", res.Code, saidOf(res)))
		t.Wrong("not-started",
			"%s did not start a container: %s",
			"%s: контейнер не запустился: %s", call, saidOf(res))
	}
	g := guest{id: id}
	t.Cleanup(func() { // whatever the verdict, it does not stay
		if pid := processWith(token); pid != 0 {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	t.Eventually(netPatience, func() bool { g.pid = processWith(token); return g.pid != 0 })
	if g.pid == 0 {
		t.Wrong("not-started",
			"%s printed the id %s, and there is no process of its command",
			"%s: напечатан id %s, а процесса команды нет", call, id)
	}
	return g
}

// dismiss removes containers. That it works is another task's affair.
func dismiss(t *grade.T, guests ...guest) {
	t.Helper()
	for _, g := range guests {
		t.Mydocker("rm", "-f", g.id).Run()
	}
}

// processWith asks the kernel for the shell whose last argument is a token.
func processWith(token string) int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		line, err := os.ReadFile(dir + "/cmdline")
		if err == nil && strings.HasPrefix(string(line), "sh\x00") && strings.HasSuffix(string(line), "\x00"+token+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			return pid
		}
	}
	return 0
}

func saidOf(res grade.Result) string {
	if s := strings.TrimSpace(res.Stderr); s != "" {
		return s
	}
	return "(nothing)"
}

// netOf names the network namespace of a process.
func netOf(pid int) string {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	return target
}

// visit runs fn on a thread that has joined the network namespace of a file, and ends.
func visit(t *grade.T, path string, fn func() error) error {
	t.Helper()
	ns, err := os.Open(path)
	if err != nil {
		t.Broken(err)
	}
	defer ns.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends where it is
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("setns(%q): %w", path, err)
			return
		}
		done <- fn()
	}()
	return <-done
}

func (g guest) ns() string { return fmt.Sprintf("/proc/%d/ns/net", g.pid) }

// A wiring is what a container's network looks like from inside.
type wiring struct {
	names    []string // of the interfaces
	loopback bool     // lo is up
	link     string   // the first that is not lo
	mac      net.HardwareAddr
	addr     net.IP // its IPv4 address
	gateway  net.IP // of the default route
}

func (g guest) wiring(t *grade.T) (w wiring) {
	t.Helper()
	err := visit(t, g.ns(), func() error {
		links, err := netlink.LinkList()
		if err != nil {
			return err
		}
		for _, l := range links {
			a := l.Attrs()
			w.names = append(w.names, a.Name)
			up := a.Flags&net.FlagUp != 0
			if a.Name == "lo" {
				w.loopback = up
				continue
			}
			if w.link != "" || !up {
				continue
			}
			w.link, w.mac = a.Name, a.HardwareAddr
			addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
			if err != nil {
				return err
			}
			if len(addrs) > 0 {
				w.addr = addrs[0].IP.To4()
			}
		}
		routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
		if err != nil {
			return err
		}
		for _, r := range routes {
			if r.Gw != nil && (r.Dst == nil || r.Dst.IP.IsUnspecified()) {
				w.gateway = r.Gw.To4()
			}
		}
		return nil
	})
	if err != nil {
		t.Broken(err)
	}
	return w
}

// Where the machine on the host's other side is, and the host as it is seen from there.
const (
	outsideHost = "198.51.100.1"
	outsideAddr = "198.51.100.9"
)

// outside puts a machine on the host's other side, and returns the path of its namespace.
func outside(t *grade.T) string {
	t.Helper()
	made := make(chan *os.File, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		if unix.Unshare(unix.CLONE_NEWNET) != nil {
			made <- nil
			return
		}
		f, _ := os.Open("/proc/thread-self/ns/net")
		made <- f
	}()
	ns := <-made
	if ns == nil {
		t.Broken(errors.New("unshare(CLONE_NEWNET)"))
	}
	t.Cleanup(func() { ns.Close() })
	veth := netlink.NewVeth(netlink.NewLinkAttrs())
	veth.LinkAttrs.Name, veth.LinkAttrs.Flags = "hw-outside", net.FlagUp
	veth.PeerName, veth.PeerNamespace = "eth0", netlink.NsFd(ns.Fd())
	if err := netlink.LinkAdd(veth); err != nil {
		t.Broken(fmt.Errorf("veth hw-outside: %w", err))
	}
	t.Cleanup(func() { netlink.LinkDel(veth) })
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.Fd())
	err := errors.Join(address("hw-outside", outsideHost), visit(t, path, func() error { return address("eth0", outsideAddr) }))
	if err != nil {
		t.Broken(err)
	}
	t.Eventually(netPatience, func() bool {
		l, err := netlink.LinkByName("hw-outside")
		return err == nil && l.Attrs().OperState == netlink.OperUp
	})
	return path
}

func address(link, addr string) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(addr + "/24")
	if err != nil {
		return err
	}
	return errors.Join(netlink.AddrAdd(l, a), netlink.LinkSetUp(l))
}

// greet serves in a namespace: a word, and the caller's address.
func greet(t *grade.T, path, addr, word string) {
	t.Helper()
	err := visit(t, path, func() error {
		l, err := net.Listen("tcp4", addr)
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				fmt.Fprintf(c, "%s %s", word, c.RemoteAddr().(*net.TCPAddr).IP)
				c.Close()
			}
		}()
		return nil
	})
	if err != nil {
		t.Broken(fmt.Errorf("listen(%s): %w", addr, err))
	}
}

// call connects from a namespace and reads. The text is the word, or the errno.
func call(t *grade.T, path, addr string, limit time.Duration) (word string) {
	t.Helper()
	visit(t, path, func() error {
		c, err := net.DialTimeout("tcp4", addr, limit)
		if err != nil {
			word = errnoOf(err)
			return nil
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(limit))
		text, err := io.ReadAll(c)
		if word = string(text); err != nil || word == "" {
			word = errnoOf(err)
		}
		return nil
	})
	return word
}

const (
	here      = "/proc/self/ns/net"
	callLimit = 15 * time.Second // when an answer is expected: of an emulated machine
	noLimit   = 1500 * time.Millisecond
)

func errnoOf(err error) string {
	var errno unix.Errno
	var slow net.Error
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		return "ETIMEDOUT"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	case err == nil:
		return "(nothing)"
	}
	return err.Error()
}
