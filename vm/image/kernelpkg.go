package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A kernel is what its packages hold.
type kernel struct {
	release string // as uname -r says it
	image   []byte // vmlinux, or the bzImage if it cannot be unpacked
	modules *moduleSet
}

// readKernel reads boot/vmlinuz-<release> and the modules of that release.
func readKernel(ctx context.Context, debs []string) (*kernel, error) {
	k := &kernel{}
	packed := map[string][]byte{} // by path below the module tree
	for _, deb := range debs {
		err := walkDeb(ctx, deb, func(h *tar.Header, r io.Reader) error {
			if h.Typeflag != tar.TypeReg {
				return nil
			}
			name := canonical(h.Name)
			release, isKernel := strings.CutPrefix(name, "boot/vmlinuz-")
			below, isModule := strings.CutPrefix(name, "usr/lib/modules/")
			if !isKernel && !isModule {
				return nil
			}
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			if isKernel {
				k.release, k.image = release, data
			} else if _, rel, ok := strings.Cut(below, "/"); ok {
				packed[rel] = data
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if k.image == nil {
		return nil, errors.New("there is no kernel in the kernel's package")
	}
	// A bzImage that is packed in a way we do not know boots too, only slower.
	if plain, err := vmlinux(k.image); err == nil {
		k.image = plain
	}
	k.modules = newModuleSet(func(name string) ([]byte, error) {
		data, ok := packed[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", path.Base(name), fs.ErrNotExist)
		}
		return data, nil
	})
	for name := range packed {
		k.modules.add(name)
	}
	return k, k.modules.readBuiltin()
}

// write puts the kernel into dir, and beside it an initramfs with the modules that the
// agent loads, and the list by which it does.
func (k *kernel) write(dir string) error {
	boot, err := k.modules.order(k.modules.names(bootModules))
	if err != nil {
		return err
	}
	var initrd, list bytes.Buffer
	archive := newCpio(&initrd)
	for _, m := range boot {
		name := "lib/modules/" + filepath.Base(m.Path)
		archive.file(name, 0o644, m.Data)
		fmt.Fprintf(&list, "/%s\n", name)
	}
	archive.file("modules.list", 0o644, list.Bytes())
	if err := archive.close(); err != nil {
		return err
	}
	to := partsIn(dir)
	return errors.Join(os.WriteFile(to.kernel, k.image, 0o644), os.WriteFile(to.initrd, initrd.Bytes(), 0o644))
}
