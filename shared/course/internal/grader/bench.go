package grader

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"mydocker.example/vm"
)

// A Bench holds programs of the course's own, wrong ones, against their tasks. A submission is
// given a guest in its first state, with all of the checks carried into it; under emulation,
// where every instruction of a new guest is translated anew, that takes longer than one task
// does. On a bench a guest is used again, for as long as it looks as it did before its first
// program ran. The zero value is a bench without guests.
type Bench struct {
	Start Guest // gives a guest in its first state

	mu   sync.Mutex
	idle []*seat
}

// A seat is a guest with the checks of one lesson in it.
type seat struct {
	guest *vm.Guest
	test  string // the checks, on the host
	first string // what the guest looked like
}

// looks is what a program may leave behind or alter, as text: mounts, addresses, switches,
// interfaces, groups, how many files the disks have room for, rules. Processes are none of it:
// the checks end them, and say so. Few commands, for each of them is translated, too.
const looks = `
cat /proc/mounts /proc/net/fib_trie /proc/sys/kernel/hostname /proc/sys/net/ipv4/ip_forward
echo /sys/class/net/* /sys/fs/cgroup/*/ /sys/fs/cgroup/*/*/ /sys/fs/cgroup/*/*/*/
stat -f -c %d / /tmp /run /dev/shm
while read -r module _; do [ "$module" = nf_tables ] && nft list ruleset; done </proc/modules
true`

// Try runs the checks of one task against a program and returns the verdict and the diagnosis.
func (b *Bench) Try(ctx context.Context, test, program, task string) (verdict, diagnosis string, err error) {
	s, err := b.take(ctx, test)
	if err != nil {
		return "", "", err
	}
	defer func() { b.giveBack(ctx, s, err) }()
	if err := s.guest.PutFile(ctx, "/lab/bin/mydocker", 0o755, program); err != nil {
		return "", "", err
	}
	if s.first == "" {
		if s.first, err = s.looks(ctx); err != nil {
			return "", "", err
		}
	}
	var lines, said capped
	code, err := s.guest.Run(ctx, vm.Cmd{
		Argv:   []string{"/lab/bin/homework.test", "-test.run=^TestHomework$/^" + task + "$", "-test.timeout=0"},
		Env:    []string{"MYDOCKER=/lab/bin/mydocker", fmt.Sprintf("COURSE_SCALE=%d", patience(s.guest))},
		Stdout: &said, Stderr: &said, Events: &lines, Timeout: limit,
	})
	if err != nil {
		return "", "", err
	}
	for line := range bytes.Lines(lines.Bytes()) {
		var e event
		if json.Unmarshal(line, &e) == nil && e.Task == task {
			return e.Verdict, e.Diagnosis, nil
		}
	}
	return "", "", fmt.Errorf("nothing was said of %s (exit code %d)\n%s", task, code, said.Bytes())
}

// take gives an idle guest with these checks in it, or a new one. Those with the checks of
// another lesson have served.
func (b *Bench) take(ctx context.Context, test string) (*seat, error) {
	b.mu.Lock()
	for i := len(b.idle) - 1; i >= 0; i-- {
		s := b.idle[i]
		b.idle = slices.Delete(b.idle, i, i+1)
		if s.test == test {
			b.mu.Unlock()
			return s, nil
		}
		s.guest.Close()
	}
	b.mu.Unlock()
	g, err := b.Start(ctx)
	if err != nil {
		return nil, err
	}
	if err := g.PutFile(ctx, "/lab/bin/homework.test", 0o755, test); err != nil {
		g.Close()
		return nil, err
	}
	return &seat{guest: g, test: test}, nil
}

// settled is how long the kernel may take to be done with what a program has left: a
// namespace goes some time after its last process.
const settled = 300 * time.Millisecond

// giveBack keeps a guest that looks as it did at first, and closes any other.
func (b *Bench) giveBack(ctx context.Context, s *seat, err error) {
	for range 2 {
		var now string
		if err == nil {
			now, err = s.looks(ctx)
		}
		if err != nil {
			break
		}
		if now == s.first {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.idle = append(b.idle, s)
			return
		}
		time.Sleep(settled)
	}
	s.guest.Close()
}

func (s *seat) looks(ctx context.Context) (string, error) {
	return s.guest.Output(ctx, "sh", "-c", looks)
}

// Close ends the guests.
func (b *Bench) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.idle {
		s.guest.Close()
	}
	b.idle = nil
}
