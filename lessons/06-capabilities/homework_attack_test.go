package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// attacks are those of the lesson, as far as they leave a machine as it was.
var attacks = []struct{ name, what, proof string }{
	{"mount", "mount a tmpfs", "mount"},
	{"ptrace", "ptrace a process of user 33", "ptrace"},
	{"netlink", "make a network device", "netlink"},
	{"clock", "set the clock", "clock"},
	{"shocker", "open_by_handle_at of a file", "shocker"},
	{"keyring", "take root's keyring by keyctl(2)", "keyring"},
	{"raw-socket", "open a packet socket, with --drop-cap NET_RAW", "raw-socket"},
}

// checkAttack: the attacks of the lesson, through mydocker. The same program is run first by
// the host's root, where each must succeed, or its failure would say nothing.
func checkAttack(t *grade.T) {
	rootfs := makeRootfs(t)
	self, err := os.Executable()
	if err != nil {
		t.Broken(err)
	}
	control := exec.Command(self, probeArg, "attack")
	control.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS} // its mount is nobody else's
	out, err := control.Output()
	if err != nil {
		t.Broken(fmt.Errorf("the attack by the host's root: %w: %s", err, out))
	}
	var free map[string]string
	if err := json.Unmarshal(out, &free); err != nil {
		t.Broken(fmt.Errorf("the attack by the host's root: %w: %s", err, out))
	}
	for _, a := range attacks {
		if free[a.name] != "ok" {
			t.Broken(fmt.Errorf("the attack %s does not succeed for the host's root: %s", a.name, free[a.name]))
		}
	}

	got := probe(t, rootfs, "attack", "--drop-cap", "NET_RAW")
	for _, a := range attacks {
		t.Saw(a.what, got[a.name])
	}
	for _, a := range attacks {
		switch got[a.name] {
		case "EPERM":
		case "ok":
			t.Wrong(a.name,
				"root in the container succeeds: %s. See proof `%s`.",
				"root в контейнере добился своего: %s. См. доказательство `%s`.", a.what, a.proof)
		default:
			t.Wrong("other-errno",
				"%s: the kernel's answer was to be EPERM and is %s. See proof `%s`.",
				"%s: ядро должно было ответить EPERM, а ответило %s. См. доказательство `%s`.", a.what, got[a.name], a.proof)
		}
	}
}
