package main_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mydocker.example/shared/grade"
)

// checkOverlay: a container writes as it likes, and the rootfs stays what it was.
func checkOverlay(t *grade.T) {
	rootfs := makeRootfs(t)
	contained(t, rootfs)
	before := listing(t, rootfs)
	const vandal = `echo mine >/etc/motd && echo new >/new && rm /etc/passwd && mkdir /folder && chmod 700 /tmp && mv /bin/cat /bin/dog; echo "$? written"`
	p, pid := start(t, vandal, "--name", "first", "--rootfs", rootfs)
	if !says(t, p, "0 written") {
		t.Saw("in the container: "+vandal, orNothing(p.Stdout()+p.Stderr()))
		t.Wrong("cannot-write",
			"the container cannot write to its own root, without --read-only",
			"контейнер не может писать в собственный корень, хотя --read-only не просили")
	}
	root := fmt.Sprintf("/proc/%d/root", pid)
	text, err := os.ReadFile(root + "/etc/motd")
	if err != nil || string(text) != "mine\n" {
		t.Wrong("writes-lost",
			"the container has written to /etc/motd, and does not find there what it wrote: %q, %v",
			"контейнер записал в /etc/motd и не находит там того, что записал: %q, %v", text, err)
	}
	untouched(t, rootfs, before, "while the container runs", "пока контейнер работает")

	// A second container of the same rootfs, at the same time.
	q, second := start(t, "echo up", "--rootfs", rootfs)
	says(t, q, "up")
	text, err = os.ReadFile(fmt.Sprintf("/proc/%d/root/etc/motd", second))
	if err != nil || string(text) != "of the image\n" {
		t.Saw("cat /etc/motd, in a second container of the same rootfs", orNothing(string(text)))
		t.Wrong("writes-shared",
			"two containers of one rootfs: what the first has written the second reads. Each needs an upper folder of its own.",
			"два контейнера с одним rootfs: что записал первый, читает второй. Каждому нужна своя папка upper.")
	}
	end(q)
	end(p)
	untouched(t, rootfs, before, "when the containers have ended", "когда контейнеры завершились")
	leavesNothing(t)
}

// untouched compares the rootfs with what it was.
func untouched(t *grade.T, rootfs string, before []string, when, wann string) {
	t.Helper()
	after := listing(t, rootfs)
	var list []string
	for _, line := range after {
		if !slices.Contains(before, line) {
			list = append(list, "+ "+line)
		}
	}
	for _, line := range before {
		if !slices.Contains(after, line) {
			list = append(list, "- "+line)
		}
	}
	if len(list) > 0 {
		t.Saw("the rootfs on the host, "+when, strings.Join(list, "\n"))
		t.Wrong("rootfs-written",
			"the rootfs on the host is not what it was: %s. Folders that mounts need count, too. An overlay with the rootfs as lowerdir takes all writes into another folder. See proofs `overlay-copy-up` and `overlay-whiteout`.",
			"rootfs на хосте уже не тот, что был: %s. Папки, нужные для монтирования, тоже считаются. Оверлей, где rootfs стоит как lowerdir, уводит все записи в другую папку. См. доказательства `overlay-copy-up` и `overlay-whiteout`.", list[0])
	}
}

// listing describes every file below dir: name, mode and content.
func listing(t *grade.T, dir string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = fmt.Sprintf(" %x", sha256.Sum256(data))[:9]
		}
		lines = append(lines, fmt.Sprintf("%s %s%s", strings.TrimPrefix(path, dir), info.Mode(), content))
		return nil
	})
	if err != nil {
		t.Broken(err)
	}
	return lines
}

// leavesNothing: with the container goes what it wrote.
func leavesNothing(t *grade.T) {
	t.Helper()
	expectCode(t, t.Mydocker("rm", "first").Run(), 0, "mydocker rm")
	err := filepath.WalkDir(t.Root(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "new" {
			t.Wrong("writes-left",
				"the container was removed, and what it had written is still there: %s. Keep its upper folder in the container's own.",
				"контейнер удалён, а то, что он записал, на месте: %s. Держите его папку upper в папке контейнера.", path)
		}
		return err
	})
	if err != nil {
		t.Broken(err)
	}
}
