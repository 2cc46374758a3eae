package image

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"mydocker.example/vm"
)

// parcelOf fills a folder as a parcel. Its emulator is a script, which says its version or
// does not run.
func parcelOf(t *testing.T, dir, script string) Parcel {
	a, err := guestArch()
	if err != nil {
		t.Skip(err)
	}
	for name, text := range map[string]string{
		"kernel": "k", "initrd": "i", "rootfs.squashfs": "r",
		filepath.Join("qemu", a.Libs, a.Loader): script,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	return Parcel{Dir: dir, Name: "test", Packages: map[string]string{"bash": "5"}}
}

const runs = "#!/bin/sh\necho QEMU emulator version 10.0.2\n"

func TestTake(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	take := func(script string) (vm.Image, error) {
		return Take(context.Background(), Options{}, func(dir string) (Parcel, error) { return parcelOf(t, dir, script), nil })
	}
	im, err := take(runs)
	if runtime.GOOS != "linux" {
		t.Skip("os.UserCacheDir is another one")
	}
	if err != nil {
		t.Fatal(err)
	}
	found, err := vm.Find()
	if err != nil || found.Kernel != im.Kernel || found.QEMU.Version != "10.0.2" || found.Packages["bash"] != "5" {
		t.Errorf("Find after Take: %+v, %v", found, err)
	}
	if _, err := load(found.Dir()); err != nil {
		t.Errorf("what was taken is not whole: %v", err)
	}
	if again, err := take(runs); err != nil || again.Kernel != im.Kernel {
		t.Errorf("a second time: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(cache, "mydocker-course", "lab", tmpPrefix+"*"))
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// Where what was brought does not run, as on a Mac, an installed emulator is taken.
func TestTakeInstalled(t *testing.T) {
	a, err := guestArch()
	if err != nil {
		t.Skip(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, a.QEMU), []byte(runs), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	im, err := Take(context.Background(), Options{}, func(dir string) (Parcel, error) { return parcelOf(t, dir, "\x7fELF of another system"), nil })
	if err != nil || len(im.QEMU.Argv) != 1 || im.QEMU.Argv[0] != filepath.Join(bin, a.QEMU) {
		t.Errorf("%v, %v", im.QEMU, err)
	}
}

// Whatever goes wrong, the cache is as it was.
func TestTakeNothing(t *testing.T) {
	for what, fill := range map[string]func(dir string) (Parcel, error){
		"fill fails": func(dir string) (Parcel, error) { return parcelOf(t, dir, runs), errors.New("damaged") },
		"no kernel": func(dir string) (Parcel, error) {
			p := parcelOf(t, dir, runs)
			return p, os.Remove(filepath.Join(dir, "kernel"))
		},
		"no emulator runs": func(dir string) (Parcel, error) { return parcelOf(t, dir, "#!/bin/sh\nexit 1\n"), nil },
	} {
		cache := t.TempDir()
		t.Setenv("XDG_CACHE_HOME", cache)
		t.Setenv("PATH", "/nowhere:/bin") // no emulator is installed
		if _, err := Take(context.Background(), Options{}, fill); err == nil {
			if _, err := installedQEMU(context.Background(), arches[0]); err == nil {
				continue // one is, in /bin
			}
			t.Errorf("%s: taken", what)
		}
		entries, _ := os.ReadDir(filepath.Join(cache, "mydocker-course", "lab"))
		for _, e := range entries {
			if e.Name() != "lock" {
				t.Errorf("%s: left over: %s", what, e.Name())
			}
		}
	}
}
