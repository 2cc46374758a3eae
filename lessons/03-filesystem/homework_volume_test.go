package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkVolume: folders and files of the host where they were asked for, and nowhere else.
func checkVolume(t *grade.T) {
	rootfs := makeRootfs(t)
	contained(t, rootfs)
	host := t.TempDir()
	data, victim := filepath.Join(host, "data"), filepath.Join(host, "victim")
	err := errors.Join(os.MkdirAll(filepath.Join(data, "below"), 0o755), os.Mkdir(victim, 0o755),
		os.WriteFile(filepath.Join(data, "file"), []byte("of the volume\n"), 0o644))
	if err != nil {
		t.Broken(err)
	}
	shown(t, rootfs, data)
	closed(t, rootfs, data)
	refused(t, rootfs, data)
	keptInside(t, rootfs, data, victim)
}

func shown(t *grade.T, rootfs, data string) {
	t.Helper()
	p, pid := start(t, "echo written >/mnt/data/new; echo done", "--rootfs", rootfs,
		"-v", data+":/mnt/data", "-v", filepath.Join(data, "file")+":/etc/motd:rw")
	says(t, p, "done")
	for _, path := range []string{"/mnt/data/file", "/etc/motd"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/root%s", pid, path))
		if err != nil || string(text) != "of the volume\n" {
			t.Saw(fmt.Sprintf("cat /proc/%d/root%s", pid, path), fmt.Sprintf("%q, %v", text, err))
			t.Wrong("volume-missing",
				"a volume was asked for, and %s in the container is not what the host has there. A folder goes onto a folder and a file onto a file; what is missing of the place is to be made.",
				"просили том, а %s в контейнере не то, что у хоста. Папка ложится на папку, файл на файл; чего на месте не хватает, надо создать.", path)
		}
	}
	if text, err := os.ReadFile(filepath.Join(data, "new")); err != nil || string(text) != "written\n" {
		t.Wrong("volume-copy",
			"the container has written into its volume, and the host does not see it (%v): a volume is the host's folder itself, not a copy",
			"контейнер записал в том, а хост этого не видит (%v): том и есть папка хоста, а не копия", err)
	}
	end(p)
}

// closed: :ro closes all of a volume, what is mounted below its top as well.
func closed(t *grade.T, rootfs, data string) {
	t.Helper()
	below := filepath.Join(data, "below")
	if err := unix.Mount("none", below, "tmpfs", 0, ""); err != nil {
		t.Broken(fmt.Errorf("mount(tmpfs, %q): %w", below, err))
	}
	defer unix.Unmount(below, unix.MNT_DETACH)
	p, pid := start(t, "for f in /data/x /data/below/x; do (echo x >$f) 2>/dev/null && echo \"wrote $f\"; done; echo tried",
		"--rootfs", rootfs, "-v", data+":/data:ro")
	says(t, p, "tried")
	out, table := p.Stdout(), mounts(pid)
	top, _ := at(table, "/data")
	t.Saw(fmt.Sprintf("/proc/%d/mountinfo: the options of /data", pid), orNothing(top.options))
	if strings.Contains(out, "wrote /data/x") || !field(top.options, "ro") {
		t.Wrong("volume-writable",
			"the container can write to a volume that was given with :ro. mount(2) ignores MS_RDONLY together with MS_BIND: it takes a second call. See proof `read-only`.",
			"контейнер может писать в том, данный с :ro. Вместе с MS_BIND mount(2) не смотрит на MS_RDONLY: нужен второй вызов. См. доказательство `read-only`.")
	}
	if inner, ok := at(table, "/data/below"); ok && !field(inner.options, "ro") {
		t.Saw(fmt.Sprintf("/proc/%d/mountinfo: the options of /data/below", pid), inner.options)
		t.Wrong("volume-writable-below",
			"the volume is read-only, and the file system that is mounted in it, at /data/below, is not: a remount changes one mount. mount_setattr(2) with AT_RECURSIVE changes the tree.",
			"том только для чтения, а файловая система, смонтированная в нём, в /data/below, нет: remount меняет одно монтирование. mount_setattr(2) с AT_RECURSIVE меняет всё дерево.")
	}
	end(p)
}

func refused(t *grade.T, rootfs, data string) {
	t.Helper()
	for _, text := range []string{"/no/such/folder:/data", data, data + ":relative", data + ":/", data + ":/data:rx", ""} {
		if res := t.Mydocker("run", "--rootfs", rootfs, "-v", text, "true").Run(); res.Code != 125 || strings.TrimSpace(res.Stderr) == "" {
			t.Saw(fmt.Sprintf("mydocker run -v %q true", text), fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
			t.Wrong("volume-nonsense",
				"-v %q is no volume: mydocker has to say so and to exit with 125; it exited with %d",
				"-v %q не том: mydocker должен сказать об этом и выйти с кодом 125; он вышел с кодом %d", text, res.Code)
		}
	}
}

// keptInside: a rootfs with links that point out of it. What they mean is decided inside.
func keptInside(t *grade.T, rootfs, data, victim string) {
	t.Helper()
	// The way to the victim exists in the rootfs, too, so that the links mean something there.
	err := errors.Join(os.MkdirAll(filepath.Join(rootfs, victim), 0o755),
		os.Symlink(victim, filepath.Join(rootfs, "absolute")),
		os.Symlink(strings.Repeat("../", 20)+strings.TrimPrefix(victim, "/"), filepath.Join(rootfs, "upwards")))
	if err != nil {
		t.Broken(err)
	}
	for _, name := range []string{"absolute", "upwards"} {
		s := script(t, "echo up")
		p := t.Mydocker(s.run("--rootfs", rootfs, "-v", data+":/"+name+"/inside")...).Start()
		says(t, p, "up")
		if left, _ := os.ReadDir(victim); len(left) > 0 {
			t.Saw("ls "+victim+", on the host", left[0].Name())
			t.Wrong("volume-escape",
				"the rootfs has a symbolic link, %s → %s. mydocker followed it as the host, and has left its traces in the host's folder; what it mounted lay there too, with root's rights. In the container the link means something else. openat2(2) with RESOLVE_IN_ROOT walks the path as the container would. See proof `symlink-mount`.",
				"в rootfs есть символическая ссылка %s → %s. mydocker прошёл по ней как хост и наследил в папке хоста; и смонтировал он туда же, с правами root. В контейнере эта ссылка значит другое. openat2(2) с RESOLVE_IN_ROOT проходит путь так, как прошёл бы контейнер. См. доказательство `symlink-mount`.", name, victim)
		}
		pid := s.pid()
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/root%s/inside/file", pid, victim)); pid == 0 || err != nil || string(text) != "of the volume\n" {
			res := t.Mydocker("run", "--rootfs", rootfs, "-v", data+":/"+name+"/inside", "true").Run()
			t.Saw(fmt.Sprintf("mydocker run -v %s:/%s/inside true", data, name), fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
			t.Wrong("volume-link",
				"a volume for /%s/inside, where /%s is a link: the volume is to be where the link leads inside the container, %s/inside, and is not (%v)",
				"том для /%s/inside, где /%s ссылка: он должен оказаться там, куда ссылка ведёт внутри контейнера, в %s/inside, а его там нет (%v)", name, name, victim, err)
		}
		end(p)
	}
}
