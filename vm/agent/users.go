//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// A user is a line of /etc/passwd, and the cgroup in which its commands begin.
type user struct {
	name     string
	uid, gid int
	home     string
	cgroup   string // "" = where the agent is
}

func lookUp(name string) (user, error) {
	if name == "" || name == "root" {
		return user{name: "root", home: "/root"}, nil
	}
	data, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return user{}, err
	}
	for _, line := range strings.Split(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 7 || f[0] != name {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 != nil || err2 != nil {
			break
		}
		u := user{name: name, uid: uid, gid: gid, home: f[5]}
		if uid == studentUID {
			u.cgroup = "/sys/fs/cgroup/student/session"
		}
		return u, nil
	}
	return user{}, fmt.Errorf("the lab has no user %q", name)
}

// attr makes the child this user: after clone(2), before execve(2), groups first.
func (u user) attr() *syscall.SysProcAttr {
	if u.uid == 0 {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{
		Uid: uint32(u.uid), Gid: uint32(u.gid), Groups: []uint32{uint32(u.gid)},
	}}
}
