package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseRun(t *testing.T) {
	for _, test := range []struct {
		args string
		want func(*Spec)
		err  string // a part of the error; "" means none
	}{
		{"true", func(*Spec) {}, ""},
		{"-d --name web true", func(s *Spec) { s.Detach, s.Name = true, "web" }, ""},
		{"-dit --rm true", func(s *Spec) {
			s.Detach, s.Interactive, s.Process.Terminal, s.AutoRemove = true, true, true, true
		}, ""},
		{"--hostname=db true", func(s *Spec) { s.Hostname = "db" }, ""},
		{"--rootfs r --read-only -v /a:/b -v /c:/d:ro true", func(s *Spec) {
			s.Root = Root{"r", true}
			s.Mounts = []Mount{{"/b", "bind", "/a", []string{"rbind", "rw"}}, {"/d", "bind", "/c", []string{"rbind", "ro"}}}
		}, ""},
		{"-e A=1 -e B=x=y -e A=2 -w /tmp -u nobody:7 true", func(s *Spec) {
			s.Process.Env, s.Process.Cwd, s.Process.User.Username = []string{"A=2", "B=x=y"}, "/tmp", "nobody:7"
		}, ""},
		{"-m 50m --cpus 0.5 --pids-limit 100 true", func(s *Spec) {
			s.Linux.Resources = Resources{&Memory{50 << 20, 50 << 20}, &CPU{50_000, 100_000}, &Pids{100}}
		}, ""},
		{"--uid-map 0:1000:1 true", func(s *Spec) {
			s.Linux.UIDMappings, s.Linux.GIDMappings = []IDMapping{{0, 1000, 1}}, []IDMapping{{0, 1000, 1}}
		}, ""},
		{"--net none true", func(s *Spec) { s.NetworkMode = "none" }, ""},
		{"--net host --pid container:web true", func(s *Spec) { s.NetworkMode, s.PIDMode = "host", "container:web" }, ""},
		{"--cap-drop ALL --cap-add kill true", func(s *Spec) {
			kill := []string{"CAP_KILL"}
			s.Process.Capabilities = Capabilities{kill, kill, kill}
		}, ""},
		{"true -d --name", func(s *Spec) { s.Process.Args = []string{"true", "-d", "--name"} }, ""}, // the command's own flags
		{"-- -d", func(s *Spec) { s.Process.Args = []string{"-d"} }, ""},
		{"--hostname=a/b true", nil, "a/b"},
		{"--nosuch 1g true", nil, "--nosuch"}, // an unknown flag is named
		{"--name ../etc true", nil, "../etc"},
		{"-d", nil, "no command"},
		{"-w tmp true", nil, "tmp"},
		{"-e =x true", nil, "=x"},
		{"--net nosuch true", nil, "nosuch"},
		{"--net container: true", nil, "container:"},
		{"--pid bridge true", nil, "bridge"},
		{"--net none -p 80 true", nil, "-p"},
		{"-p 80:80:80:80 true", nil, "-p"},
		{"--memory 50X true", nil, "50X"},
		{"--memory 1 true", nil, "6m"},
		{"--cpu NaN true", nil, "NaN"},
		{"--cpu 0 true", nil, "--cpu"},
		{"--cpu -1 true", nil, "-1"},
		{"--pids 0 true", nil, "--pids"},
		{"--uid-map 0:0:10 --uid-map 5:100:10 true", nil, "overlap"},
		{"--uid-map 1:1:10 true", nil, "no root"},
		{"--uid-map 0:0:1 --net host true", nil, "--uid-map"},
		{"--drop-cap NET_RWA true", nil, "NET_RAW"},
	} {
		got, err := parseRun(strings.Fields(test.args))
		if test.want != nil {
			want, plain := parseRun([]string{"true"})
			if plain != nil {
				t.Fatal(plain)
			}
			test.want(&want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("parseRun(%q) = %+v, want %+v", test.args, got, want)
			}
		}
		if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("parseRun(%q): error %v, want %q", test.args, err, test.err)
		}
	}
}

func TestParseEnv(t *testing.T) {
	lookup := func(name string) (string, bool) { return "of mydocker", name == "HAVE" }
	for text, want := range map[string]string{"A=b": "A=b", "A=": "A=", "HAVE": "HAVE=of mydocker", "HAVENOT": ""} {
		if got, err := parseEnv(text, lookup); got != want || err != nil {
			t.Errorf("parseEnv(%q) = %q, %v", text, got, err)
		}
	}
}

// Every command has a page of help, and every flag a word on what it is for.
func TestHelp(t *testing.T) {
	if !strings.Contains(usage(), "unpause") {
		t.Error(usage())
	}
	for _, c := range commands() {
		code, err := dispatch([]string{c.name, "--help"})
		help, ok := err.(*helpWanted)
		if !ok || code != 0 || !strings.Contains(help.text, "usage: mydocker "+c.name) {
			t.Errorf("%s --help: %d, %v", c.name, code, err)
			continue
		}
		for line := range strings.Lines(help.text) {
			if flag, about, _ := strings.Cut(strings.TrimSpace(line), "  "); strings.HasPrefix(flag, "-") && strings.TrimSpace(about) == "" {
				t.Errorf("%s: nothing about %s", c.name, flag)
			}
		}
	}
	for _, line := range []string{"", "nosuch", "run --nosuch", "ps x", "exec web", "inspect", "wait", "stop", "logs", "logs a b", "kill -s nosuch a"} {
		if _, err := dispatch(strings.Fields(line)); err == nil {
			t.Errorf("%q is no error", line)
		}
	}
}
