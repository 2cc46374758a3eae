package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkInherit: the lesson's attack by inheritance. A token in the caller's environment and
// an open descriptor of a private file reach a command by themselves, and must not reach it
// through mydocker.
func checkInherit(t *grade.T) {
	token := newProbe(t).token
	secret := filepath.Join(t.TempDir(), "id_ed25519")
	if err := os.WriteFile(secret, []byte("not a key\n"), 0o600); err != nil {
		t.Broken(err)
	}
	// Without O_CLOEXEC, as a shell opens a descriptor for its commands: 9<file.
	fd, err := unix.Open(secret, unix.O_RDONLY, 0)
	if err != nil {
		t.Broken(fmt.Errorf("open(%q): %w", secret, err))
	}
	defer unix.Close(fd)
	// Two names: one that looks like a secret and one that does not.
	env := []string{"API_TOKEN=" + token, "EDITOR_THEME=" + token}

	// The attack without mydocker: it must succeed, or its failure below would say nothing.
	alone := newProbe(t)
	cmd := exec.Command(alone.exe, alone.args()[1:]...)
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		t.Broken(err)
	}
	pid := alone.find(t, nil)
	got, leaked := environOf(t, pid), descriptorsOf(t, pid, secret)
	cmd.Process.Kill()
	cmd.Wait()
	if !slices.Contains(got, env[0]) || len(leaked) == 0 {
		t.Broken(fmt.Errorf("the attack does not work without mydocker: environ %q, descriptors %v", got, leaked))
	}

	// The same through mydocker.
	w := newProbe(t)
	p := t.Mydocker(append([]string{"run"}, w.args()...)...).Env(env...).Start()
	pid = w.find(t, p)
	got, leaked = environOf(t, pid), descriptorsOf(t, pid, secret)
	var names []string // the values are the caller's own affair
	for _, v := range got {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	t.Saw(fmt.Sprintf("tr '\\0' '\\n' </proc/%d/environ | cut -d= -f1", pid), strings.Join(names, " "))
	if i := slices.IndexFunc(got, func(v string) bool { return strings.Contains(v, token) }); i >= 0 {
		name, _, _ := strings.Cut(got[i], "=")
		t.Wrong("environment",
			"the command has %s of the caller's environment. If exec.Cmd.Env is nil, os/exec hands on everything; a list of what to leave out is never complete. Give the command an environment of its own: PATH, HOME, HOSTNAME. See proof `environ-token`.",
			"команде досталась переменная %s из окружения вызвавшего. Если exec.Cmd.Env равен nil, os/exec передаёт всё; список того, что убрать, никогда не полон. Соберите команде своё окружение: PATH, HOME, HOSTNAME. См. доказательство `environ-token`.", name)
	}
	for _, name := range []string{"PATH", "HOME", "HOSTNAME"} {
		if !slices.ContainsFunc(got, func(v string) bool { return strings.HasPrefix(v, name+"=") }) {
			t.Wrong("environment-empty",
				"the command has no %s: an empty environment is not docker's. It has PATH, HOME and HOSTNAME.",
				"у команды нет %s: пустое окружение бывает не у docker. У него есть PATH, HOME и HOSTNAME.", name)
		}
	}
	if len(leaked) > 0 {
		t.Saw(leaked[0], secret)
		t.Wrong("descriptor",
			"the command holds open a private file of the caller: %s. Go opens its own files close-on-exec, but what mydocker was handed at its start is not marked so, and passes on through fork and execve. close_range(3, …, CLOSE_RANGE_CLOEXEC) before the start marks them all. See proof `descriptors`.",
			"у команды открыт личный файл вызвавшего: %s. Свои файлы Go открывает с close-on-exec, но то, что mydocker получил при запуске, этой пометки не имеет и проходит через fork и execve. close_range(3, …, CLOSE_RANGE_CLOEXEC) перед запуском пометит всё. См. доказательство `descriptors`.", leaked[0])
	}
	for fd := range 3 {
		if link := fmt.Sprintf("/proc/%d/fd/%d", pid, fd); !exists(link) {
			t.Wrong("descriptor-012",
				"%s is not there: stdin, stdout and stderr belong to the command",
				"%s отсутствует: stdin, stdout и stderr принадлежат команде", link)
		}
	}
	unix.Kill(pid, unix.SIGKILL)
	p.Wait()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func environOf(t *grade.T, pid int) []string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Broken(err)
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == 0 })
}

// descriptorsOf lists the descriptors of a process that are open on path.
func descriptorsOf(t *grade.T, pid int, path string) (links []string) {
	t.Helper()
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(all) == 0 {
		t.Broken(fmt.Errorf("/proc/%d/fd: %d entries, %v", pid, len(all), err))
	}
	for _, link := range all {
		if target, err := os.Readlink(link); err == nil && target == path {
			links = append(links, link)
		}
	}
	return links
}
