package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A snapshot is a folder with two files: the memory of a booted guest, and the state of its
// devices. A new guest maps the memory privately, so that it begins at once, reads only the
// pages that it touches, and changes nothing.
const (
	snapshotRAM   = "ram"
	snapshotState = "state"
)

// startWarm continues a snapshot. Where there is none it makes one; where another lab is
// making it just now, or it does not work, it boots.
func startWarm(ctx context.Context, o Options, accel string) (*Guest, error) {
	s := spec{image: o.Image, accel: accel, share: o.Share}
	dir, err := s.snapshotDir()
	if err != nil {
		return nil, err
	}
	touch(s.image.Dir())
	g, err := restore(ctx, s, dir)
	if err == nil || ctx.Err() != nil {
		touch(dir)
		return g, err
	}
	if !errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(o.Log, "lab: the snapshot does not start (%v); it is made again\n", firstLine(err))
		forget(dir)
	}
	fmt.Fprintln(o.Log, "lab: booting a kernel and keeping the booted guest for the next time")
	if err := makeSnapshot(ctx, s, dir); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !errors.Is(err, errBusy) {
			fmt.Fprintf(o.Log, "lab: no snapshot (%v)\n", firstLine(err))
		}
		return boot(ctx, s)
	}
	if g, err = restore(ctx, s, dir); err == nil || ctx.Err() != nil {
		return g, err
	}
	fmt.Fprintf(o.Log, "lab: the snapshot does not start (%v)\n", firstLine(err))
	forget(dir)
	return boot(ctx, s)
}

// snapshotDir names the snapshot by all that it depends on. The share is not among it: nothing
// of it is mounted when the snapshot is taken.
func (s spec) snapshotDir() (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	bare := s
	bare.share = ""
	args, err := bare.args()
	if err != nil {
		return "", err
	}
	if s.accel != tcg {
		args = append(args, hostCPU()) // -cpu host is what this machine has
	}
	sum := sha256.Sum256([]byte(strings.Join(append(args, s.image.Key, s.image.QEMU.Version, strings.Join(s.image.QEMU.Argv, " ")), "\x00")))
	return filepath.Join(cache, "lab", "snapshot-"+hex.EncodeToString(sum[:8])), nil
}

// restore starts a machine that takes its memory and devices from the snapshot, and wakes it.
func restore(ctx context.Context, s spec, dir string) (*Guest, error) {
	if _, err := os.Stat(filepath.Join(dir, snapshotState)); err != nil {
		return nil, err
	}
	s.ram = ram{file: filepath.Join(dir, snapshotRAM), incoming: true}
	m, err := startMachine(s)
	if err != nil {
		return nil, err
	}
	g := newGuest(m, s)
	g.warm = true
	// The first lab after a restart of the machine reads the memory from the disk.
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err = m.load(limited, filepath.Join(dir, snapshotState))
	if err == nil {
		err = g.wake(limited)
	}
	if err != nil {
		g.Close()
		return nil, fmt.Errorf("restore: %w%s", err, g.tail())
	}
	return g, nil
}

// load reads the devices' state and lets the guest run.
func (m *machine) load(ctx context.Context, state string) error {
	if err := m.beginMigration(ctx); err != nil {
		return err
	}
	if err := m.execute(ctx, "migrate-incoming", map[string]any{"uri": "exec:cat " + quote(state)}); err != nil {
		return err
	}
	if err := m.migrated(ctx); err != nil {
		return err
	}
	return m.execute(ctx, "cont", nil)
}

// save stops the guest and writes the devices' state; the memory is in its file already.
func (m *machine) save(ctx context.Context, state string) error {
	if err := m.beginMigration(ctx); err != nil {
		return err
	}
	if err := m.execute(ctx, "stop", nil); err != nil {
		return err
	}
	if err := m.execute(ctx, "migrate", map[string]any{"uri": "exec:cat > " + quote(state)}); err != nil {
		return err
	}
	return m.migrated(ctx)
}

// beginMigration: memory that is a shared file is not copied into the stream (x-ignore-shared).
func (m *machine) beginMigration(ctx context.Context) error {
	if err := m.execute(ctx, "qmp_capabilities", nil); err != nil {
		return err
	}
	capability := map[string]any{"capability": "x-ignore-shared", "state": true}
	return m.execute(ctx, "migrate-set-capabilities", map[string]any{"capabilities": []any{capability}})
}

func (m *machine) migrated(ctx context.Context) error {
	for {
		answer, err := m.query(ctx, "query-migrate")
		if err != nil {
			return err
		}
		var info struct {
			Status string `json:"status"`
			Error  string `json:"error-desc"`
		}
		if err := json.Unmarshal(answer, &info); err != nil {
			return err
		}
		switch info.Status {
		case "completed":
			return nil
		case "failed", "cancelled":
			return fmt.Errorf("QEMU could not move the guest's state: %s %s", info.Status, info.Error)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

var errBusy = errors.New("another lab is making the snapshot")

// makeSnapshot boots a template into a folder of its own, saves it, and renames the folder
// into place. The lock is the kernel's: it goes with the process that holds it.
func makeSnapshot(ctx context.Context, s spec, dir string) error {
	unlock, err := tryLock(dir + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	tmp := dir + ".new"
	if err := sweep(filepath.Dir(dir), time.Now()); err != nil {
		return err
	}
	if err := os.RemoveAll(tmp); err != nil { // left by one that was killed
		return err
	}
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	s.share = "" // the template sees nothing of the host
	s.ram = ram{file: filepath.Join(tmp, snapshotRAM), template: true}
	m, err := startMachine(s)
	if err != nil {
		return err
	}
	g := newGuest(m, s)
	defer g.Close()
	if err := g.await(ctx, g.ready, bootLimit(s.accel)); err != nil {
		return err
	}
	if err := m.save(ctx, filepath.Join(tmp, snapshotState)); err != nil {
		return err
	}
	g.Close()
	return os.Rename(tmp, dir)
}

// forget removes a snapshot that does not start; guests that run from it keep their files open.
func forget(dir string) { os.RemoveAll(dir) }

// quote is a word for the shell that QEMU hands "exec:" to.
func quote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
