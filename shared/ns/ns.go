// Package ns is namespaces as data: which kinds there are, in which ones a process is, how
// to get into them.
//
// Lesson 02 teaches it: there every call is shown raw, in its own files. What this version
// adds: a namespace is named by device and inode, not by the text of a link; a target that
// ends while it is looked at is told from one that was never there; setns(2) is called in
// the only order that works, with the kind checked, on a thread that is thrown away; and
// the root of procfs is a parameter, so that the pure part is tested without a kernel.
package ns

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Flags is a set of kinds, in the kernel's own words: CLONE_NEW* of clone(2), or'ed. It
// fits SysProcAttr.Cloneflags, unshare(2) and setns(2). The zero value changes nothing.
type Flags uintptr

// The kinds (namespaces(7)).
const (
	Mount   Flags = unix.CLONE_NEWNS
	UTS     Flags = unix.CLONE_NEWUTS
	IPC     Flags = unix.CLONE_NEWIPC
	PID     Flags = unix.CLONE_NEWPID
	Network Flags = unix.CLONE_NEWNET
	User    Flags = unix.CLONE_NEWUSER
	Cgroup  Flags = unix.CLONE_NEWCGROUP
	Time    Flags = unix.CLONE_NEWTIME
)

// kinds is every kind with its link in /proc/PID/ns, in the order in which they are joined:
// the user namespace first, because in it are the capabilities for the others; the mount
// namespace last, because with it the /proc in which the links were found goes out of sight.
var kinds = []struct {
	flag Flags
	link string
}{
	{User, "user"},
	{Cgroup, "cgroup"},
	{IPC, "ipc"},
	{UTS, "uts"},
	{Network, "net"},
	{PID, "pid"},
	{Time, "time"},
	{Mount, "mnt"},
}

// All is every kind that this package knows.
const All = Mount | UTS | IPC | PID | Network | User | Cgroup | Time

// Kinds takes a set apart, in the order in which its kinds are joined.
func (f Flags) Kinds() []Flags {
	var single []Flags
	for _, k := range kinds {
		if f&k.flag != 0 {
			single = append(single, k.flag)
		}
	}
	return single
}

// Link is the name of a single kind in /proc/PID/ns; "" for anything else.
func (f Flags) Link() string {
	for _, k := range kinds {
		if k.flag == f {
			return k.link
		}
	}
	return ""
}

// String is "uts,pid,mnt"; bits that are no kind are shown as a number.
func (f Flags) String() string {
	var names []string
	for _, k := range f.Kinds() {
		names = append(names, k.Link())
	}
	if rest := f &^ All; rest != 0 {
		names = append(names, fmt.Sprintf("%#x", uintptr(rest)))
	}
	return strings.Join(names, ",")
}

// Parse is String's inverse: the names of links, separated by commas. "" is no kind.
func Parse(text string) (Flags, error) {
	var f Flags
	if text == "" {
		return 0, nil
	}
	for _, name := range strings.Split(text, ",") {
		flag := Flags(0)
		for _, k := range kinds {
			if k.link == name {
				flag = k.flag
			}
		}
		if flag == 0 {
			return 0, fmt.Errorf("ns: no kind of namespace is called %q", name)
		}
		f |= flag
	}
	return f, nil
}
