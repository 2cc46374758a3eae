package main

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// holder is this test binary as a keeper that does nothing: TestMain calls it.
func holder(root, id string) {
	if _, err := hold(store.Store{Root: root}, id); err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString("held")
	time.Sleep(time.Hour)
}

func TestKeeperIsWhoHoldsTheLock(t *testing.T) {
	s := store.Store{Root: t.TempDir()}
	r, err := s.Create(store.Record{Command: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	if fd, err := keeper(s, r.ID); fd != -1 || err != nil {
		t.Errorf("before any: %d, %v", fd, err)
	}
	cmd := exec.Command("/proc/self/exe", "hold", s.Root, r.ID)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if _, err := out.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}

	fd, err := keeper(s, r.ID)
	if err != nil || fd < 0 {
		t.Fatalf("keeper: %d, %v", fd, err)
	}
	defer unix.Close(fd)
	if ended, err := await(fd, 20*time.Millisecond); ended || err != nil {
		t.Errorf("alive: await says %v, %v", ended, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if ended, err := await(fd, -1); !ended || err != nil {
		t.Errorf("killed: await says %v, %v", ended, err)
	}
	if fd, err := keeper(s, r.ID); fd != -1 || err != nil {
		t.Errorf("after its death: %d, %v", fd, err)
	}
}
