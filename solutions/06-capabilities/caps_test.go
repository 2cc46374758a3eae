package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseCap(t *testing.T) {
	for word, want := range map[string]CapSet{
		"NET_RAW": 1 << unix.CAP_NET_RAW, "cap_net_raw": 1 << unix.CAP_NET_RAW, "Cap_Chown": 1 << unix.CAP_CHOWN,
		"checkpoint_restore": 1 << unix.CAP_CHECKPOINT_RESTORE, "all": everyCap,
	} {
		if got, err := parseCap(word); got != want || err != nil {
			t.Errorf("%s: %x, %v, want %x", word, got, err, want)
		}
	}
	for word, nearest := range map[string]string{"NET_RWA": "NET_RAW", "CAP_SYSADMIN": "SYS_ADMIN", "": "ALL", "MKNODE": "MKNOD", "chow": "CHOWN"} {
		if _, err := parseCap(word); err == nil || !strings.Contains(err.Error(), "mean "+nearest+"?") || !strings.Contains(err.Error(), strconv.Quote(word)) {
			t.Errorf("%q: %v, want %s", word, err, nearest)
		}
	}
}

func TestChooseCaps(t *testing.T) {
	const chown, sysTime = CapSet(1 << unix.CAP_CHOWN), CapSet(1 << unix.CAP_SYS_TIME)
	for _, test := range []struct {
		add, drop string
		want      CapSet
	}{
		{"", "", dockerCaps},
		{"", "CHOWN", dockerCaps &^ chown},
		{"SYS_TIME", "CHOWN", dockerCaps&^chown | sysTime},
		{"CHOWN", "CHOWN", dockerCaps},
		{"", "ALL", 0},
		{"CHOWN", "ALL", chown},
		{"ALL", "CHOWN", everyCap &^ chown},
		{"ALL CHOWN", "ALL", everyCap},
	} {
		if got, err := chooseCaps(strings.Fields(test.add), strings.Fields(test.drop)); got != test.want || err != nil {
			t.Errorf("add %q, drop %q: %x, %v, want %x", test.add, test.drop, got, err, test.want)
		}
	}
}

// The kernel's word on the command and on process 1.
func TestRestricted(t *testing.T) {
	needLab(t)
	for flags, want := range map[string]string{
		"":                                "00000000a80425fb",
		"--drop-cap NET_RAW":              "00000000a80405fb",
		"--cap-drop ALL --cap-add chown":  "0000000000000001",
		"--add-cap ALL --drop-cap SYSLOG": "000001fbffffffff",
	} {
		args := append([]string{"run"}, strings.Fields(flags)...)
		out := must(t, t.TempDir(), append(args, "cat", "/proc/self/status", "/proc/1/status")...)
		for field, value := range map[string]string{"CapPrm": want, "CapEff": want, "CapInh": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1"} {
			if n := strings.Count(out, field+":\t"+value+"\n"); n != 2 {
				t.Errorf("%q: %s %s is there %d times in\n%s", flags, field, value, n, out)
			}
		}
		if !strings.Contains(out, "CapBnd:\t"+want) || !strings.Contains(out, "Seccomp:\t2") {
			t.Errorf("%q:\n%s", flags, out)
		}
	}
}

// What the filter says, and that it follows the capabilities.
func TestFilter(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	for _, test := range []struct{ flags, command, want string }{
		{"", "unshare -U true", "not permitted"},
		{"", "hostname other", "not permitted"},
		{"--add-cap SYS_ADMIN", "hostname other && hostname", "other"},
		{"--add-cap SYS_ADMIN", "unshare -n true && echo done", "done"},
		{"", "echo a | cat; sleep 0.01 & wait $!; chroot / echo done", "done"},
		{"--add-cap SYS_ADMIN --drop-cap SYS_CHROOT", "chroot / true", "not permitted"},
	} {
		args := append([]string{"run"}, strings.Fields(test.flags)...)
		out, _ := mydocker(root, append(args, "sh", "-c", test.command)...).CombinedOutput()
		if !strings.Contains(string(out), test.want) {
			t.Errorf("%s %q: %s", test.flags, test.command, out)
		}
	}
}

// Nothing of process 1 can be looked into, nor of its threads, unless one may trace: and then
// it is as weak as oneself.
func TestProcess1(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	const look = "cat /proc/1/environ /proc/1/mem /proc/1/task/*/environ; ls -l /proc/1/root/ /proc/1/fd/0 /proc/1/exe"
	out, _ := mydocker(root, "run", "sh", "-c", look).CombinedOutput()
	if n := len(regexp.MustCompile("(?i)permission denied").FindAll(out, -1)); n < 8 || strings.Contains(string(out), "PATH=") {
		t.Errorf("refused %d times:\n%s", n, out)
	}
	sets := must(t, root, "run", "--add-cap", "SYS_PTRACE", "sh", "-c", "grep -s -h -e CapPrm -e NoNewPrivs /proc/1/task/*/status | sort | uniq")
	if want := fmt.Sprintf("CapPrm:\t%016x\nNoNewPrivs:\t1\n", dockerCaps|1<<unix.CAP_SYS_PTRACE); sets != want {
		t.Errorf("the threads of process 1: %q, want %q", sets, want)
	}
}
