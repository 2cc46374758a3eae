package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mydocker.example/shared/grade"
)

// A refusal is a map that mydocker must not take.
type refusal struct {
	lines     []string
	named     []string // what the message has to name, beside the flag
	diagnosis string
	en, ru    string // what is wrong with the map
}

// malformed are the maps that nobody can have, whoever asks.
var malformed = []refusal{
	{[]string{"0:100000"}, []string{"0:100000"}, "form", "two numbers are no line", "два числа ещё не строка"},
	{[]string{"0:100000:1:1"}, []string{"0:100000:1:1"}, "form", "four numbers are no line", "четыре числа не строка"},
	{[]string{""}, nil, "form", "nothing is no line", "пустой текст не строка"},
	{[]string{"root:100000:1"}, []string{"root"}, "form", "an id is a number", "идентификатор всегда число"},
	{[]string{"0:-1:1"}, []string{"-1"}, "form", "no id is negative", "отрицательных идентификаторов нет"},
	{[]string{"0:100000:4294967296"}, []string{"4294967296"}, "form", "ids have 32 bits", "в идентификаторе 32 бита"},
	{[]string{"0:100000:0"}, []string{"0:100000:0"}, "empty", "a line of size 0 maps nothing", "строка размера 0 ничего не отображает"},
	{[]string{"0:100000:1", "1:200000:0"}, []string{"1:200000:0"}, "empty", "a line of size 0 maps nothing", "строка размера 0 ничего не отображает"},
	{[]string{"0:4294967000:65536"}, []string{"0:4294967000:65536"}, "range", "the last id is 4294967294", "последний идентификатор 4294967294"},
	{[]string{"0:4294967295:1"}, []string{"0:4294967295:1"}, "range", "4294967295 is no id: it means \"leave as it is\"", "4294967295 не идентификатор: это значит «оставить как есть»"},
	{[]string{"0:100000:10", "9:200000:10"}, []string{"0:100000:10", "9:200000:10"}, "overlap", "9 of the container would be two users", "номер 9 в контейнере достался бы двоим"},
	{[]string{"0:100000:1", "1:300000:10", "100:300009:5"}, []string{"1:300000:10", "100:300009:5"}, "overlap", "300009 of the host would have two numbers", "у 300009 хоста было бы два номера"},
	{[]string{"0:100000:1", "5:200000:10", "0:300000:2"}, []string{"0:100000:1", "0:300000:2"}, "overlap", "0 of the container would be two users", "номер 0 в контейнере достался бы двоим"},
	{[]string{"1:100000:65536"}, nil, "no-root", "nobody would be root in the container", "в контейнере не было бы root"},
}

// checkParse: a map that cannot be is refused in words that name it, before there is
// anything.
func checkParse(t *grade.T) {
	rootfs := makeRootfs(t)
	groups := cgroups(t)
	said := map[string]string{} // message → what was wrong
	for _, flag := range []string{"--uid-map", "--gid-map"} {
		for _, r := range malformed {
			message := asRoot(t).refused(flag, r, "--rootfs", rootfs)
			for _, line := range r.lines {
				if line != "" {
					message = strings.ReplaceAll(message, line, "LINE")
				}
			}
			if other, ok := said[message]; ok && other != r.diagnosis {
				t.Wrong("words",
					"two different mistakes, one message: %q. Say of each map what is wrong with it.",
					"две разные ошибки, одно сообщение: %q. Про каждую карту скажите, что с ней не так.", message)
			}
			said[message] = r.diagnosis
		}
	}
	if after := cgroups(t); !slices.Equal(groups, after) {
		t.Saw("find /sys/fs/cgroup -type d", strings.Join(after, "\n"))
		t.Wrong("created",
			"mydocker has refused the map, and has left a cgroup behind: check before you create",
			"mydocker отказал карте и оставил после себя cgroup: проверяйте прежде, чем создавать")
	}
}

// refused calls mydocker run with a map and ends the task unless it is refused: with 125,
// by name, and with nothing created. It returns the message without the flag.
func (c *caller) refused(flag string, r refusal, more ...string) string {
	t := c.t
	t.Helper()
	args := append([]string{"run"}, more...)
	// The other map is a good one: only this one is to blame.
	args = append(args, map[string]string{"--uid-map": "--gid-map", "--gid-map": "--uid-map"}[flag], c.good())
	for _, line := range r.lines {
		args = append(args, flag, line)
	}
	args = append(args, "true")
	res := c.mydocker(args...).Run()
	message := strings.TrimSpace(res.Stderr)
	call := "mydocker " + strings.Join(args, " ")
	saw := func() { t.Saw(call, fmt.Sprintf("exit %d: %s", res.Code, orNothing(message))) }
	if res.Code == 0 {
		saw()
		t.Wrong(r.diagnosis+"-taken",
			"%[1]s was taken as a map: %[2]s. mydocker has to refuse it and to exit with 125.",
			"карта %[1]s принята: %[3]s. mydocker должен отказать и выйти с кодом 125.", strings.Join(r.lines, " "), r.en, r.ru)
	}
	if res.Code != 125 {
		saw()
		t.Wrong("exit-code",
			"a map that is refused is an error of mydocker's own: the exit code is to be 125; here: %d",
			"отказ карте есть ошибка самого mydocker: код завершения должен быть 125; здесь: %d", res.Code)
	}
	if left := everythingBelow(c.root); len(left) > 0 {
		saw()
		t.Saw("find "+c.root, strings.Join(left, "\n"))
		t.Wrong("created",
			"the map %[2]s was refused when %[1]s had been made already, by you or by the kernel: check before you create",
			"карте %[2]s отказано, когда %[1]s уже был создан, вами или ядром: проверяйте прежде, чем создавать", left[len(left)-1], strings.Join(r.lines, " "))
	}
	for _, word := range append([]string{strings.TrimLeft(flag, "-")}, r.named...) {
		if !strings.Contains(message, word) {
			saw()
			t.Wrong("words",
				"mydocker has refused, and its message does not name %q: with ten lines in a map one wants to know which. Here: %q",
				"mydocker отказал, но в сообщении нет %q: когда в карте десять строк, хочется знать, какая из них. Здесь: %q", word, message)
		}
	}
	return strings.ReplaceAll(message, flag, "FLAG")
}

// good is a map that the caller may have.
func (c *caller) good() string {
	if c.who != nil && c.who.Uid != 0 {
		return fmt.Sprintf("0:%d:1", c.who.Uid)
	}
	return "0:100000:65536"
}

// everythingBelow lists a folder and all that is in it; nothing when there is none.
func everythingBelow(dir string) (list []string) {
	filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			list = append(list, path)
		}
		return nil
	})
	return list
}

// cgroups lists the groups of the machine.
func cgroups(t *grade.T) (list []string) {
	t.Helper()
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) { // it is going at this moment
			return nil
		}
		if err == nil && d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Broken(err)
	}
	return list
}
