package main

import (
	elflib "debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The witness is this test binary once more, in the guest, as the command that init runs.
// What it sees it says on the console, in lines that begin with a word that only this run
// knows. It asks the kernel and not init.

// An account is what the witness has seen.
type account struct {
	PID, Parent int
	Args        []string
	Path        string
	Proc, Sys   bool // whether these are what they should be
	Dev         bool
	Processes   []seenProcess
	Adopted     int // orphans whose parent became process 1
	Zombies     int // of them, those that nobody had waited for in the end
	Left        [2]int
}

type seenProcess struct {
	PID, Parent int
	Name        string
	State       string
}

func init() {
	if filepath.Base(os.Args[0]) != "witness" {
		return
	}
	// init functions run on the first thread of the process; PR_SET_NAME is for a thread,
	// and what /proc calls the name of a process is that of its first.
	runtime.LockOSThread()
	if len(os.Args) < 3 {
		fmt.Println("witness: too few words:", os.Args)
		os.Exit(99)
	}
	scene, word := os.Args[1], os.Args[2]
	witness := map[string]func(string){
		"look": witnessLooks, "orphans": witnessOrphans, "leave": witnessLeaves,
		"passes": passes, "waits": waits, "saves": saves, "stays": stays,
	}[scene]
	witness(word)
	os.Exit(0)
}

func say(word string, a account) {
	line, _ := json.Marshal(a)
	fmt.Printf("\n%s %s\n", word, line)
}

// look is what every scene begins with.
func look() account {
	a := account{PID: os.Getpid(), Parent: os.Getppid(), Args: os.Args, Path: os.Getenv("PATH")}
	var s unix.Statfs_t
	a.Proc = unix.Statfs("/proc", &s) == nil && s.Type == unix.PROC_SUPER_MAGIC
	a.Sys = unix.Statfs("/sys", &s) == nil && s.Type == unix.SYSFS_MAGIC
	var root, dev, null unix.Stat_t
	a.Dev = unix.Stat("/", &root) == nil && unix.Stat("/dev", &dev) == nil && root.Dev != dev.Dev &&
		unix.Stat("/dev/null", &null) == nil && null.Rdev == unix.Mkdev(1, 3)
	a.Processes = allProcesses()
	return a
}

func allProcesses() (all []seenProcess) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	stat := regexp.MustCompile(`(?s)^(\d+) \((.*)\) (\S) (\d+) `)
	for _, e := range entries {
		text, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		m := stat.FindStringSubmatch(string(text))
		if _, no := strconv.Atoi(e.Name()); no != nil || err != nil || m == nil {
			continue
		}
		all = append(all, seenProcess{PID: atoi(m[1]), Parent: atoi(m[4]), Name: m[2], State: m[3]})
	}
	return all
}

// witnessLooks ends with an exit code of its own.
func witnessLooks(word string) {
	say(word, look())
	os.Exit(42)
}

const orphans = 3

// witnessOrphans makes orphans, lets them end, and looks whether anybody waits for them. A
// signal ends it.
func witnessOrphans(word string) {
	a := look()
	read, write, err := os.Pipe()
	if err != nil {
		fatal(err)
	}
	var pids []int
	for range orphans {
		out, err := again("passes", word, read).Output() // it has ended: what it started is an orphan
		if err != nil {
			fatal(err)
		}
		pids = append(pids, atoi(strings.TrimSpace(string(out))))
	}
	for _, pid := range pids {
		if p, ok := processOf(pid); ok && p.Parent == 1 && p.State != "Z" {
			a.Adopted++
		}
	}
	say(word, a)
	write.Close() // now they end
	for range 100 {
		a.Zombies = 0
		for _, pid := range pids {
			if _, ok := processOf(pid); ok {
				a.Zombies++
			}
		}
		if a.Zombies == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond) // for an init that takes their end for ours
	say(word, a)
	unix.Kill(os.Getpid(), unix.SIGKILL)
	os.Exit(98) // only a process 1 gets here
}

// passes starts another and ends.
func passes(word string) {
	cmd := again("waits", word, os.NewFile(3, "pipe"))
	if err := cmd.Start(); err != nil {
		fatal(err)
	}
	fmt.Println(cmd.Process.Pid)
}

// waits lives until the pipe is closed.
func waits(string) { os.NewFile(3, "pipe").Read(make([]byte, 1)) }

func processOf(pid int) (seenProcess, bool) {
	for _, p := range allProcesses() {
		if p.PID == pid {
			return p, true
		}
	}
	return seenProcess{}, false
}

// again is this program in another role, with a file as its descriptor 3.
func again(scene, word string, file *os.File) *exec.Cmd {
	return &exec.Cmd{Path: "/bin/witness", Args: []string{"witness", scene, word}, ExtraFiles: []*os.File{file}}
}

const oddName = "x) S 1 (y" // as good a name as any (prctl(2), PR_SET_NAME)

// witnessLeaves ends with an exit code of its own and leaves two behind, one below the other.
func witnessLeaves(word string) {
	a := look()
	read, write, err := os.Pipe()
	if err != nil {
		fatal(err)
	}
	cmd := again("saves", word, write)
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		fatal(err)
	}
	write.Close()
	told, err := io.ReadAll(read)
	if err != nil {
		fatal(err)
	}
	a.Left = [2]int{cmd.Process.Pid, atoi(string(told))}
	say(word, a)
	os.Exit(200)
}

// saves needs a moment when it is asked to end.
func saves(word string) {
	name, err := unix.BytePtrFromString(oddName)
	if err != nil {
		fatal(err)
	}
	unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGTERM)
	ready, tell, err := os.Pipe()
	if err != nil {
		fatal(err)
	}
	cmd := again("stays", word, tell)
	if err := cmd.Start(); err != nil {
		fatal(err)
	}
	tell.Close()
	io.ReadAll(ready)
	port := os.NewFile(3, "pipe")
	fmt.Fprint(port, cmd.Process.Pid)
	port.Close()
	<-asked
	time.Sleep(300 * time.Millisecond)
	fmt.Printf("\n%s saved\n", word)
}

// stays does not go when it is asked.
func stays(string) {
	signal.Ignore(unix.SIGTERM)
	os.NewFile(3, "pipe").Close() // ready
	for {
		time.Sleep(time.Hour) // an empty select would be a deadlock to Go, and end us
	}
}

func fatal(err error) {
	fmt.Println("witness:", err)
	os.Exit(99)
}

// static says whether a program runs where there are no libraries.
func static(program string) error {
	file, err := elflib.Open(program)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elflib.PT_INTERP { // it asks for a dynamic loader
			return errors.New("the checks must be built with CGO_ENABLED=0: there is no libc in the guest")
		}
	}
	return nil
}
