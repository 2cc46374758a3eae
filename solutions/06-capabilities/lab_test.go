package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mydocker.example/shared/cgroup"
	"mydocker.example/shared/labtest"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/rootfs"
)

// This test binary is mydocker too: as process 1 of a container, as a keeper, and for the
// tests themselves.
func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "hold":
			holder(os.Args[2], os.Args[3])
		case "bomb":
			bomb()
		case "run", "ps", "keep", "stats", "pause", "unpause", "stop", "kill", "rm":
			main()
		}
	}
	os.Exit(m.Run())
}

func mydocker(root string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = []string{"MYDOCKER_ROOT=" + root, "HOME=/", "PATH=" + os.Getenv("PATH")}
	return cmd
}

// needLab also watches for what is left behind. The group above those of containers stays.
func needLab(t *testing.T) {
	labtest.NeedLab(t)
	if _, err := groupsFolder(cgroup.Limits{}); err != nil {
		t.Fatal(err)
	}
	labtest.Leaks(t)
}

// Eight at once come and go, and each way of ending leaves nothing.
func TestEveryEndIsClean(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := fmt.Sprint("c", i)
			if out, err := mydocker(root, "run", "-d", "--name", name, "sh", "-c", "sleep 100 & sleep 100").CombinedOutput(); err != nil {
				t.Errorf("run %s: %v: %s", name, err, out)
			}
			for _, args := range [][][]string{
				{{"stop", name}, {"rm", name}}, {{"kill", name}, {"rm", "-f", name}}, {{"rm", "-f", name}}, {{"pause", name}, {"stop", "-t", "0", name}, {"rm", name}},
			}[i%4] {
				if out, err := mydocker(root, args...).CombinedOutput(); err != nil {
					t.Errorf("%v: %v: %s", args, err, out)
				}
			}
		})
	}
	all.Wait()
	empty(t, root)
}

// What a container writes goes to its own folder, and goes with it.
func TestRootfsIsNeverWritten(t *testing.T) {
	needLab(t)
	root, lower := t.TempDir(), t.TempDir()+"/rootfs"
	if err := rootfs.Default(lower); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing of the first
		out, err := mydocker(root, "run", "--name", "w", "--rootfs", lower, "sh", "-c", "! test -e /new && echo x >/new && rm /etc/passwd && ls /").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "new") {
			t.Errorf("run: %v: %s", err, out)
		}
		if out, err := mydocker(root, "rm", "w").CombinedOutput(); err != nil {
			t.Errorf("rm: %v: %s", err, out)
		}
	}
	if _, err := os.Stat(lower + "/new"); err == nil {
		t.Error("the rootfs was written to")
	}
	if _, err := os.Stat(lower + "/etc/passwd"); err != nil {
		t.Error(err)
	}
	empty(t, root)
}

// Killed at any moment, mydocker leaves nothing that runs and nothing that rm -f cannot remove.
func TestKilledAtAnyMoment(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	begin := time.Now()
	if out, err := mydocker(root, "run", "true").CombinedOutput(); err != nil {
		t.Fatalf("run: %v: %s", err, out)
	}
	whole := time.Since(begin) // of an emulated machine, too
	for i := range 16 {
		size := []string{"4294967295", "65536"}[i%2] // with the machine's own users, and with others
		cmd := mydocker(root, "run", "--name", fmt.Sprint("k", i), "--uid-map", fmt.Sprintf("0:%d:%s", i%2*100000, size), "sh", "-c", "sleep 100 & sleep 100")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(whole))
		cmd.Process.Kill()
		cmd.Wait()
	}
	ids, err := mydocker(root, "ps", "-aq").Output()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"rm", "-f", "nosuch"}, strings.Fields(string(ids))...)
	if out, err := mydocker(root, args...).CombinedOutput(); err != nil {
		t.Errorf("rm -f: %v: %s", err, out)
	}
	empty(t, root)
	if out, err := mydocker(root, "run", "true").CombinedOutput(); err != nil {
		t.Errorf("run: %v: %s", err, out)
	}
	if left, err := filepath.Glob(root + "/*"); len(left) != 3 || err != nil { // containers, names, rootfs
		t.Errorf("%v, %v", left, err)
	}
}

// empty requires that nothing is in the store any more.
func empty(t *testing.T, root string) {
	t.Helper()
	for _, dir := range []string{"containers", "names"} {
		if left, err := os.ReadDir(root + "/" + dir); len(left) > 0 || err != nil {
			t.Errorf("%s: %v, %v", dir, left, err)
		}
	}
}
