// Package reexec starts the running program once more under another name: the second
// stage of a container runtime, and the helper processes of a proof.
//
// It is plumbing, taught by no lesson and free for all. Go cannot run Go code between
// clone(2) and execve(2): the runtime has many threads, and clone copies one. So the child
// of the clone executes the same program again, through /proc/self/exe (proc(5)), and
// begins in a function that was registered for the name it was given as argv[0].
//
//	func init() { reexec.Register("sleeper", sleeper) }
//
//	func main() {
//		if reexec.Init() { // in the child: sleeper has run
//			return
//		}
//		cmd := reexec.Command("sleeper", "10") // in the parent
//		…
//	}
package reexec

import (
	"fmt"
	"os"
	"os/exec"
)

var stages = map[string]func(){}

// Register makes fn the second stage called name. Call it from init.
// fn runs in the child: after clone(2) and execve(2), instead of main.
func Register(name string, fn func()) {
	if _, taken := stages[name]; taken {
		panic(fmt.Sprintf("reexec: two functions are registered as %q", name))
	}
	stages[name] = fn
}

// Init is the first call of main. In the parent it returns false at once. In a child
// started by Command it runs the registered function and returns true: main then returns.
func Init() bool {
	fn, ok := stages[os.Args[0]]
	if !ok {
		return false
	}
	fn()
	return true
}

// Command prepares the child, in the parent, before clone(2): this program, started again
// as name. The child finds args in os.Args[1:]. Set SysProcAttr for its surroundings.
func Command(name string, args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: "/proc/self/exe", // this very file, even when it was moved or deleted meanwhile
		Args: append([]string{name}, args...),
	}
}
