package main

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/cgroup"
	"mydocker.example/shared/idmap"
	"mydocker.example/shared/rootfs"
)

func TestParseRun(t *testing.T) {
	for _, test := range []struct {
		args string
		want Spec
		err  string // a part of the error; "" means none
	}{
		{"true", Spec{Command: []string{"true"}}, ""},
		{"-d --name web sleep 60", Spec{Name: "web", Detach: true, Command: []string{"sleep", "60"}}, ""},
		{"--hostname=db true", Spec{Hostname: "db", Command: []string{"true"}}, ""},
		{"--rootfs r --read-only -v /a:/b -v /c:/d:ro sh", Spec{Rootfs: "r", ReadOnly: true, Command: []string{"sh"},
			Volumes: []rootfs.Volume{{Source: "/a", Target: "/b"}, {Source: "/c", Target: "/d", ReadOnly: true}}}, ""},
		{"--hostname=a/b true", Spec{}, "a/b"},
		{"ls -d --name", Spec{Command: []string{"ls", "-d", "--name"}}, ""}, // the command's own flags
		{"-- -d", Spec{Command: []string{"-d"}}, ""},
		{"--memory 50M --cpu 0.5 --pids 32 true", Spec{Limits: cgroup.Limits{MemoryMax: 50 << 20, CPUQuota: 50_000, PidsMax: 32}, Command: []string{"true"}}, ""},
		{"--cpus 2 --pids-limit=100 true", Spec{Limits: cgroup.Limits{CPUQuota: 200_000, PidsMax: 100}, Command: []string{"true"}}, ""}, // docker's names
		{"--memory 50X true", Spec{}, `"50X" for flag -memory`},
		{"--uid-map 0:1000:1 --uid-map 1:100000:65536 --gid-map 0:1000:1 true", Spec{UIDMap: idmap.Map{{Inside: 0, Outside: 1000, Size: 1}, {Inside: 1, Outside: 100000, Size: 65536}}, GIDMap: idmap.Map{{Inside: 0, Outside: 1000, Size: 1}}, Command: []string{"true"}}, ""},
		{"--uid-map 0:1000 true", Spec{}, `"0:1000" for flag -uid-map`},
		{"--drop-cap NET_RAW --cap-drop cap_kill true", Spec{Caps: dockerCaps &^ (1<<unix.CAP_NET_RAW | 1<<unix.CAP_KILL), Command: []string{"true"}}, ""},
		{"--add-cap SYS_TIME --cap-add mknod --cap-drop ALL true", Spec{Caps: 1<<unix.CAP_SYS_TIME | 1<<unix.CAP_MKNOD, Command: []string{"true"}}, ""},
		{"--drop-cap NET_RWA true", Spec{}, `"NET_RWA"`},
		{"--cap-add SYSADMIN true", Spec{}, "SYS_ADMIN"},
		{"--net none true", Spec{}, "-net"}, // an unknown flag is named
		{"--name ../etc true", Spec{}, "../etc"},
		{"-d", Spec{}, "no command"},
	} {
		if test.err == "" && test.want.Caps == 0 {
			test.want.Caps = dockerCaps
		}
		got, err := parseRun(strings.Fields(test.args))
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("parseRun(%q) = %+v, want %+v", test.args, got, test.want)
		}
		if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("parseRun(%q): error %v, want %q", test.args, err, test.err)
		}
	}
}
