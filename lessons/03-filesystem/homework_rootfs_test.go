package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mydocker.example/shared/grade"
)

// checkRootfs: the three ways to get --rootfs wrong, and none at all.
func checkRootfs(t *grade.T) {
	rootfs := makeRootfs(t)
	contained(t, rootfs)
	dir := t.TempDir()
	missing, file, bare := filepath.Join(dir, "nosuch"), filepath.Join(dir, "file"), filepath.Join(dir, "bare")
	if err := os.WriteFile(file, nil, 0o755); err != nil {
		t.Broken(err)
	}
	if err := os.Mkdir(bare, 0o755); err != nil {
		t.Broken(err)
	}
	var words []string
	for _, wrong := range []struct {
		path, what string
		code       int
		diagnosis  string
	}{
		{missing, "that is not there", 125, "rootfs-missing"},
		{file, "that is a file", 125, "rootfs-file"},
		{bare, "without the command", 127, "rootfs-bare"},
	} {
		res := t.Mydocker("run", "--rootfs", wrong.path, "sh").Run()
		said := strings.TrimSpace(res.Stderr)
		t.Saw("mydocker run --rootfs "+wrong.path+" sh", fmt.Sprintf("exit %d: %s", res.Code, orNothing(said)))
		named := strings.Contains(said, wrong.path) || wrong.code == 127 && strings.Contains(said, "sh")
		if res.Code != wrong.code || !named {
			t.Wrong(wrong.diagnosis,
				"a rootfs %s: the exit code is to be %d (125: mydocker failed; 127: there is no such command) and the message is to say of what it speaks; here: %d, %q",
				"rootfs %s: код должен быть %d (125: не смог mydocker; 127: нет такой команды), а в сообщении должно быть сказано, о чём речь; здесь: %d, %q", wrong.what, wrong.code, res.Code, said)
		}
		said = strings.ReplaceAll(said, wrong.path, "PATH")
		for _, other := range words {
			if said == other {
				t.Wrong("rootfs-words",
					"two different mistakes, one message: %q. A file that is no folder is something else than a folder that is not there.",
					"две разные ошибки, одно сообщение: %q. Файл, который не папка, и папка, которой нет, не одно и то же.", said)
			}
		}
		words = append(words, said)
	}
	if res := t.Mydocker("run", "--rootfs", filepath.Base(rootfs), "cat", "/etc/motd").Dir(filepath.Dir(rootfs)).Run(); res.Stdout != "of the image\n" {
		t.Saw("cd "+filepath.Dir(rootfs)+"; mydocker run --rootfs rootfs cat /etc/motd", orNothing(res.Stdout+res.Stderr))
		t.Wrong("rootfs-relative",
			"a relative path as --rootfs does not work: what mydocker's caller means by it is lost in process 1, which stands elsewhere",
			"относительный путь в --rootfs не работает: что имел в виду вызвавший, процесс 1 уже не знает, он стоит в другом месте")
	}
	byDefault(t)
}

// byDefault: mydocker run sh works at once, in a root that is not the host's.
func byDefault(t *grade.T) {
	t.Helper()
	diary := filepath.Join(t.TempDir(), "diary")
	if err := os.WriteFile(diary, nil, 0o644); err != nil {
		t.Broken(err)
	}
	var first []*grade.Process // all at once: none of them finds it ready, and all need it
	for range 4 {
		first = append(first, t.Mydocker("run", "sh", "-c", "ls / && echo works; ls "+diary).Start())
	}
	for _, p := range first {
		res := p.Wait()
		if !strings.Contains(res.Stdout, "works") {
			t.Saw("mydocker run sh -c 'ls / && echo works', four at once", fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stdout+res.Stderr)))
			t.Wrong("default-none",
				"mydocker run sh does not work without --rootfs: mydocker has to make a root of its own, whole before anybody uses it (rename(2)), however many ask at once",
				"mydocker run sh без --rootfs не работает: mydocker должен сам сделать корень, целиком до того, как им кто-то воспользуется (rename(2)), сколько бы их ни пришло сразу")
		}
		if strings.Contains(res.Stdout, diary) {
			t.Wrong("default-host",
				"without --rootfs the container is in the root of the host: it sees %s",
				"без --rootfs контейнер сидит в корне хоста: он видит %s", diary)
		}
	}
}
