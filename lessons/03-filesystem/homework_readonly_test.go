package main_test

import (
	"fmt"
	"strings"

	"mydocker.example/shared/grade"
)

// checkReadOnly: --read-only closes the root, and nothing but the root.
func checkReadOnly(t *grade.T) {
	rootfs := makeRootfs(t)
	contained(t, rootfs)
	data := t.TempDir()
	const tries = `for f in /new /etc/motd /tmp/x; do (echo x >$f) 2>/dev/null && echo "wrote $f"; done
for f in /dev/null /dev/shm/x /data/x; do (echo x >$f) 2>/dev/null || echo "refused $f"; done; echo tried`
	p, pid := start(t, tries, "--read-only", "--rootfs", rootfs, "-v", data+":/data")
	says(t, p, "tried")
	out := p.Stdout()
	top, _ := at(mounts(pid), "/")
	t.Saw(fmt.Sprintf("/proc/%d/mountinfo: the options of /", pid), top.options)
	for line := range strings.Lines(out) {
		what, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch what {
		case "wrote":
			t.Wrong("root-writable",
				"with --read-only the container has written to %s",
				"с --read-only контейнер записал в %s", path)
		case "refused":
			t.Wrong("read-only-too-much",
				"with --read-only the container cannot write to %s, which is a mount of its own: only the root itself is to be closed, not what hangs on it. See proof `read-only`.",
				"с --read-only контейнер не может писать в %s, а это отдельное монтирование: закрыть надо только сам корень, а не то, что на нём висит. См. доказательство `read-only`.", path)
		}
	}
	if !field(top.options, "ro") {
		t.Wrong("root-writable",
			"with --read-only the mount at / is not read-only: its options are %s",
			"с --read-only монтирование в / не только для чтения: его опции %s", top.options)
	}
	end(p)
	q, pid := start(t, "echo up", "--rootfs", rootfs)
	says(t, q, "up")
	if top, _ := at(mounts(pid), "/"); field(top.options, "ro") {
		t.Wrong("cannot-write",
			"the root is read-only without --read-only",
			"корень только для чтения, хотя --read-only не просили")
	}
	end(q)
}
