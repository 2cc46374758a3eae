// Mydocker runs commands in containers. Lesson 05 leaves it here: a container's root is
// nobody outside, and nobody has to be root to have one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"mydocker.example/shared/explain"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/store"
)

const usage = `mydocker, as it stands after lesson 05

  mydocker run [FLAGS] COMMAND [ARG...]       run a command
      -d                    in the background
      --name NAME           how you will call it
      --hostname NAME       how it calls itself
      --rootfs FOLDER       its /; never written to (default: a busybox)
      --uid-map C:H:N       its users C, C+1, ... are the host's H, H+1, ...: N of them
      --gid-map C:H:N       the same for groups (any number of each)
      --read-only           its / cannot be written by the container either
      -v HOST:CONTAINER[:ro]   a folder or a file of the host (any number of them)
      --memory SIZE         its memory at most: 50m; units b k m g
      --cpu NUMBER          processors at most: 0.5 (also --cpus)
      --pids NUMBER         processes and threads at most (also --pids-limit)
  mydocker ps [-a] [-q] [--json]              list the containers (-a: the exited too)
  mydocker logs CONTAINER                     what a container started with -d has printed
  mydocker stats [CONTAINER...]               what they use now (all that run)
  mydocker pause CONTAINER...                 stop them where they are
  mydocker unpause CONTAINER...               and let them go on
  mydocker stop [-t SECONDS] CONTAINER...     SIGTERM, and after 10 seconds SIGKILL
  mydocker kill [-s SIGNAL] CONTAINER...      send a signal (SIGKILL)
  mydocker rm [-f] CONTAINER...               forget containers (-f: those that run, too)

CONTAINER is an id, the beginning of one, or a name.
What is known of the containers is kept in $MYDOCKER_ROOT (default /run/mydocker; for who
is not root, $XDG_RUNTIME_DIR/mydocker or /tmp/mydocker-UID).
`

// Exit codes are docker's. All others are the command's own, or 128+n when signal n ended it.
const (
	exitFailed   = 125 // mydocker failed
	exitUnusable = 126 // the command is there, but cannot be run
	exitNotFound = 127 // there is no such command
)

func main() {
	if reexec.Init() { // in the child: init.go has run
		return
	}
	code, err := dispatch(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		fmt.Print(usage)
		os.Exit(0)
	}
	if err != nil {
		if code == 0 {
			code = exitCode(err)
		}
		fmt.Fprintln(os.Stderr, "mydocker:", err)
		if hint := advice(code, err); hint != "" {
			fmt.Fprintln(os.Stderr, "mydocker:", hint)
		}
	}
	os.Exit(code)
}

// advice is a second line: what to do, or why the kernel probably answered so.
func advice(code int, err error) string {
	if code == exitFailed && os.Geteuid() != 0 && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC)) {
		return "this machine may refuse user namespaces to ordinary users: see proof switches of lesson 05"
	}
	return explain.Advice(err)
}

func dispatch(args []string) (code int, err error) {
	if len(args) == 0 {
		return 0, errUsage
	}
	root, err := stateRoot()
	if err != nil {
		return 0, err
	}
	s := store.Store{Root: root}
	switch command, args := args[0], args[1:]; command {
	case "run":
		spec, err := parseRun(args)
		if err != nil {
			return 0, err
		}
		return run(s, spec)
	case "ps":
		return 0, ps(s, args, os.Stdout)
	case "logs":
		return 0, logs(s, args, os.Stdout)
	case "stats":
		return 0, stats(s, args, os.Stdout)
	case "pause", "unpause":
		return 0, pause(s, command, command == "pause", args, os.Stdout)
	case "stop":
		return 0, stop(s, args, os.Stdout)
	case "kill":
		return 0, kill(s, args, os.Stdout)
	case "rm":
		return 0, rm(s, args, os.Stdout)
	case "keep": // not for people: detach.go starts it
		return keep(s, args)
	case "help", "-h", "-help", "--help":
		return 0, flag.ErrHelp
	default:
		return 0, fmt.Errorf("%q is no command of mydocker: %w", command, errUsage)
	}
}

// stateRoot is where everything is kept. In /tmp anybody may have made a folder of that name
// before us: what is in there would be somebody else's word on our containers.
func stateRoot() (string, error) {
	if root := os.Getenv("MYDOCKER_ROOT"); root != "" {
		return filepath.Abs(root) // process 1 will stand elsewhere
	}
	if os.Geteuid() == 0 {
		return "/run/mydocker", nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "mydocker"), nil
	}
	root := fmt.Sprint("/tmp/mydocker-", os.Geteuid())
	var st syscall.Stat_t
	err := syscall.Lstat(root, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return root, nil
	}
	if err == nil && (st.Uid != uint32(os.Geteuid()) || st.Mode&(syscall.S_IFMT|0o077) != syscall.S_IFDIR) {
		err = fmt.Errorf("%s is not yours alone: somebody else has made it, or may write there. Set MYDOCKER_ROOT", root)
	}
	return root, err
}

var errUsage = errors.New("mydocker help lists the commands")

// exitCode finds the exit code for an error: what went wrong decides between 125, 126 and 127.
func exitCode(err error) int {
	var start *startError
	switch {
	case !errors.As(err, &start):
		return exitFailed
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return exitNotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC), errors.Is(err, syscall.EISDIR):
		return exitUnusable
	default: // EAGAIN, ENOMEM: it was clone(2) that failed, not the command
		return exitFailed
	}
}
