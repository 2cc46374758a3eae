package rootfs

import (
	"encoding/json"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mydocker.example/shared/labtest"
)

func TestParseVolume(t *testing.T) {
	for text, want := range map[string]Volume{
		"/srv:/data":           {Source: "/srv", Target: "/data"},
		"/srv:/data:ro":        {Source: "/srv", Target: "/data", ReadOnly: true},
		"/srv:/data:rw":        {Source: "/srv", Target: "/data"},
		"/srv/../etc:/a/../b/": {Source: "/etc", Target: "/b"},
	} {
		got, err := ParseVolume(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, bad := range []string{"", "/srv", "/srv:data", "srv:/data", "/srv:/data:wr", "/a:/b:/c", "/srv:/", "/srv:/..", ":", "/a:/b:ro:ro"} {
		_, err := ParseVolume(bad)
		require.Error(t, err, bad)
	}
	require.Equal(t, "/a:/b:ro", Volume{"/a", "/b", true}.String())
}

func TestOverlayOptions(t *testing.T) {
	o := Overlay{Upper: "/u", Work: `/w\x`, Merged: "/m"}
	require.Equal(t, `lowerdir=/a\:b\,c,upperdir=/u,workdir=/w\\x`, o.options("/a:b,c"))
	o.UserXattr = true
	require.Equal(t, `lowerdir=/r,upperdir=/u,workdir=/w\\x,userxattr`, o.options("/r"))
}

func TestConfigIsData(t *testing.T) {
	c := Defaults()
	c.Root, c.Overlay, c.Volumes = "/r", &Overlay{Upper: "/u", Work: "/w", Merged: "/m"}, []Volume{{"/a", "/b", true}}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	var back Config
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, c, back)
}

func TestLibraries(t *testing.T) {
	require.Equal(t, []string{"/lib/libc.so.6"}, libraries("\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n\tx.so => not found\n\t/lib64/ld.so (0x7f)\n"))
}

// Both kinds of default root have a shell that starts.
func TestDefault(t *testing.T) {
	labtest.NeedRoot(t)
	hide := func(name string) (string, error) {
		if name == "busybox" {
			return "", exec.ErrNotFound
		}
		return exec.LookPath(name)
	}
	for what, find := range map[string]func(string) (string, error){"as it comes": exec.LookPath, "no busybox": hide} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, fill(dir, find))
			cmd := exec.Command("/bin/sh", "-c", "cat /etc/hostname && ls -d /tmp && id -u")
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir}
			cmd.Dir = "/"
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Equal(t, "mydocker\n/tmp\n0\n", string(out))
			info, err := os.Stat(dir + "/tmp")
			require.NoError(t, err)
			require.Equal(t, os.ModeDir|os.ModeSticky|0o777, info.Mode())
		})
	}
}

func TestDefaultNeedsAShell(t *testing.T) {
	nothing := func(string) (string, error) { return "", exec.ErrNotFound }
	require.ErrorIs(t, fill(t.TempDir(), nothing), exec.ErrNotFound)
}

func TestDefaultOnceForAll(t *testing.T) {
	parent := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := Default(parent + "/default"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing but the root is left")
}
