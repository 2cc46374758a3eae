package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tmpPrefix begins the name of everything that is not finished.
const tmpPrefix = ".tmp-"

// lockCache waits until no one else builds in dir, and says so. The kernel lets go of the
// lock when its holder dies, however that happens (flock(2)).
func lockCache(ctx context.Context, dir string, log io.Writer) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	for waiting := false; ; waiting = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			f.Close()
			return nil, fmt.Errorf("flock(%s): %w", f.Name(), err)
		}
		if !waiting {
			fmt.Fprintln(log, "lab: another build is at work; waiting for it")
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sweep removes what builds that died have left. The caller holds the lock, so nothing
// unfinished belongs to anyone alive.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, tmpPrefix+"*"))
	for _, path := range left {
		os.RemoveAll(path)
	}
}

// layer returns the folder name-key below dir. If it is not there, make fills a temporary
// one, which is then renamed: so a layer is whole or is not.
func layer(dir, name, key string, make func(tmp string) error) (string, error) {
	final := filepath.Join(dir, name+"-"+key)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	tmp, err := os.MkdirTemp(dir, tmpPrefix+name+"-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	if err := make(tmp); err != nil {
		return "", err
	}
	return final, os.Rename(tmp, final)
}

// hash is a short name for its parts.
func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}
