package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkPromise: a set-user-ID program of root's in the image gives its caller nothing.
func checkPromise(t *grade.T) {
	rootfs := makeRootfs(t)
	self, err := os.Executable()
	if err != nil {
		t.Broken(err)
	}
	bait := filepath.Join(rootfs, "bin", "setuid")
	copyFile(t, self, bait)
	// By root of the container: uid 0 of this rootfs. In /tmp nothing is nosuid for an overlay.
	if err := errors.Join(os.Chown(bait, 0, 0), unix.Chmod(bait, 0o4755)); err != nil {
		t.Broken(err)
	}

	p, pid := start(t, "--rootfs", rootfs)
	promised := field(pid, "NoNewPrivs")
	t.Saw(fmt.Sprintf("grep NoNewPrivs /proc/%d/status", pid), promised)
	end(p)

	got := probe(t, rootfs, "setuid")
	t.Saw("user 33 in the container executes a program of root's with mode 4755: geteuid(2), CapEff", got["uid"]+", "+got["CapEff"])
	if got["uid"] == "0" {
		t.Wrong("setuid",
			"user 33 in the container executed a set-user-ID program and is root there, with CapEff %s. no_new_privs makes execve(2) ignore the bit. See proof `no-new-privs`.",
			"пользователь 33 в контейнере запустил программу с set-user-ID и стал там root, CapEff %s. С no_new_privs execve(2) этого бита не замечает. См. доказательство `no-new-privs`.", got["CapEff"])
	}
	if promised != "1" {
		t.Wrong("no-promise",
			"NoNewPrivs of the command is %s: files with capabilities still give them. prctl(PR_SET_NO_NEW_PRIVS, 1), on the thread that starts the command. See proof `no-new-privs`.",
			"NoNewPrivs у команды %s: файлы с capabilities по-прежнему их дают. prctl(PR_SET_NO_NEW_PRIVS, 1) на том потоке, который запускает команду. См. доказательство `no-new-privs`.", promised)
	}
}
