package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mydocker.example/shared/labtest"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/rootfs"
)

// This test binary is mydocker too: as a keeper, and for the tests themselves.
func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "hold":
			holder(os.Args[2], os.Args[3])
		default:
			if commandNamed(os.Args[1]) != nil {
				main()
			}
		}
	}
	os.Exit(m.Run())
}

func mydocker(root string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = []string{"MYDOCKER_ROOT=" + root, "HOME=/", "PATH=" + os.Getenv("PATH")}
	return cmd
}

// Eight at once come and go, and each way of ending leaves nothing.
func TestEveryEndIsClean(t *testing.T) {
	labtest.NeedLab(t)
	labtest.Leaks(t)
	root := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := fmt.Sprint("c", i)
			if out, err := mydocker(root, "run", "-d", "--name", name, "sh", "-c", "sleep 100 & sleep 100").CombinedOutput(); err != nil {
				t.Errorf("run %s: %v: %s", name, err, out)
			}
			for _, args := range [][][]string{
				{{"stop", name}, {"rm", name}}, {{"kill", name}, {"rm", "-f", name}}, {{"rm", "-f", name}}, {{"stop", "-t", "0", name}, {"rm", "-f", name}},
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
	labtest.NeedLab(t)
	labtest.Leaks(t)
	root, image := t.TempDir(), t.TempDir()+"/image"
	if err := rootfs.Default(image); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing of the first
		out, err := mydocker(root, "run", "--name", "w", "--rootfs", image, "sh", "-c", "! test -e /new && echo x >/new && rm /etc/passwd && ls /").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "new") {
			t.Errorf("run: %v: %s", err, out)
		}
		if out, err := mydocker(root, "rm", "w").CombinedOutput(); err != nil {
			t.Errorf("rm: %v: %s", err, out)
		}
	}
	if _, err := os.Stat(image + "/new"); err == nil {
		t.Error("the rootfs was written to")
	}
	if _, err := os.Stat(image + "/etc/passwd"); err != nil {
		t.Error(err)
	}
	empty(t, root)
}

// A storm: containers come and go, eight at once, and some mydockers are killed in the
// middle. After rm -f nothing is left: no process, mount, cgroup, interface, namespace, rule.
func TestStorm(t *testing.T) {
	labtest.NeedLab(t)
	labtest.Leaks(t)
	before := ruleset(t)
	root := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("STORM_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	count := 24 // in make test; the whole is 200
	if text := os.Getenv("STORM"); text != "" {
		count, _ = strconv.Atoi(text)
	}
	t.Logf("STORM=%d STORM_SEED=%d", count, seed)

	begin := time.Now()
	if out, err := mydocker(root, "run", "true").CombinedOutput(); err != nil {
		t.Fatalf("run: %v: %s", err, out)
	}
	whole := time.Since(begin) // of an emulated machine, too
	numbers := make(chan int)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range numbers {
				gust(t, root, i, rand.New(rand.NewPCG(seed, uint64(i))), whole)
			}
		})
	}
	for i := range count {
		numbers <- i
	}
	close(numbers)
	all.Wait()

	ids, err := mydocker(root, "ps", "-aq").Output()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"rm", "-f", "nosuch"}, strings.Fields(string(ids))...)
	if out, err := mydocker(root, args...).CombinedOutput(); err != nil {
		t.Errorf("rm -f: %v: %s", err, out)
	}
	empty(t, root)
	if after := ruleset(t); after != before {
		t.Errorf("rules are left:\n%s", after)
	}
	if out, err := mydocker(root, "run", "--rm", "-p", "18000:80", "true").CombinedOutput(); err != nil {
		t.Errorf("run: %v: %s", err, out)
	}
	if left, err := filepath.Glob(root + "/*"); len(left) != 3 || err != nil { // containers, names, rootfs
		t.Errorf("%v, %v", left, err)
	}
}

// gust is one container of the storm.
func gust(t *testing.T, root string, i int, dice *rand.Rand, whole time.Duration) {
	name := fmt.Sprint("storm", i)
	args := []string{"run", "--name", name}
	args = append(args, [][]string{
		{}, {"-d"}, {"--rm"}, {"-p", fmt.Sprint(18000+i, ":80")}, {"--net", "none", "-m", "64m"}, {"--uid-map", "0:100000:65536"}, {"-t"}, {"-d", "--rm", "-i"},
	}[dice.IntN(8)]...)
	cmd := mydocker(root, append(args, "sh", "-c", "sleep 0.2 & (sleep 100 &) ; sleep 0.1")...)
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	switch dice.IntN(3) {
	case 0: // killed, at a moment between the start and a little after the end
		time.Sleep(time.Duration(dice.Int64N(int64(2 * whole))))
		cmd.Process.Kill()
		cmd.Wait()
	case 1: // removed under its mydocker's hands
		time.Sleep(time.Duration(dice.Int64N(int64(whole))))
		if out, err := mydocker(root, "rm", "-f", name).CombinedOutput(); err != nil {
			t.Errorf("rm -f %s: %v: %s", name, err, out)
		}
		cmd.Wait()
	default:
		cmd.Wait()
	}
}

// ruleset is what nft(8) lists.
func ruleset(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
	if err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
	return string(out)
}

// Of eight who want one name, one gets it, and of the others nothing stays.
func TestOneName(t *testing.T) {
	labtest.NeedLab(t)
	labtest.Leaks(t)
	root := t.TempDir()
	var all sync.WaitGroup
	var won atomic.Int32
	for range 8 {
		all.Go(func() {
			if mydocker(root, "run", "-d", "--name", "one", "sleep", "100").Run() == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have it", won.Load())
	}
	if ids, err := mydocker(root, "ps", "-aq").Output(); len(strings.Fields(string(ids))) != 1 || err != nil {
		t.Errorf("%q, %v", ids, err)
	}
	if out, err := mydocker(root, "rm", "-f", "one").CombinedOutput(); err != nil {
		t.Errorf("rm -f: %v: %s", err, out)
	}
	empty(t, root)
}

// docker.sh is what a user of docker types, as root and as anybody.
func TestAsDocker(t *testing.T) {
	labtest.NeedLab(t)
	labtest.Leaks(t)
	bin := t.TempDir()
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/docker.sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin+"/docker.sh", script, 0o755); err != nil {
		t.Fatal(err)
	}
	copyProgram(t, bin+"/mydocker")
	for _, who := range []string{"root", "student"} {
		cmd := exec.Command("bash", bin+"/docker.sh")
		if who == "student" {
			// From the group that is delegated to the student, where its shells are.
			cmd = exec.Command("bash", "-c", `echo $$ >/sys/fs/cgroup/student/session/cgroup.procs && exec su student -c "PATH=$PATH MYDOCKER_ROOT=$MYDOCKER_ROOT bash docker.sh rootless"`)
			cmd.Dir = bin
		}
		root := t.TempDir()
		if err := errors.Join(os.Chmod(root, 0o777), os.Chmod(filepath.Dir(root), 0o755)); err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "MYDOCKER_ROOT="+root+"/state")
		out, err := cmd.CombinedOutput()
		if err != nil {
			for line := range strings.Lines(string(out)) {
				if !strings.HasPrefix(line, "ok ") {
					t.Error(who, ": ", strings.TrimSpace(line))
				}
			}
			t.Errorf("docker.sh, %s: %v", who, err)
		}
		if err := exec.Command("rm", "-rf", root).Run(); err != nil {
			t.Error(err)
		}
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

// copyProgram puts this test binary somewhere, as mydocker.
func copyProgram(t *testing.T, path string) {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
}
