package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// CacheDir is the folder that holds all that the course generates: images, tools,
// snapshots, builds. It is $XDG_CACHE_HOME/mydocker-course, or the same below the
// user's own cache folder (XDG Base Directory Specification).
func CacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w (set XDG_CACHE_HOME)", err)
	}
	return filepath.Join(base, "mydocker-course"), nil
}

// An Image is what a guest boots from: files in the cache, made by package image.
// Paths are absolute.
type Image struct {
	Key      string            `json:"key"`    // hash of everything the image was made from
	Kernel   string            `json:"kernel"` // an ELF vmlinux or a bzImage
	Initrd   string            `json:"initrd"` // cpio: the agent as /init and the modules
	Rootfs   string            `json:"rootfs"` // squashfs
	QEMU     QEMU              `json:"qemu"`
	Packages map[string]string `json:"packages"` // name → version, for people
}

// Dir is the folder of the image in the cache.
func (im Image) Dir() string { return filepath.Dir(im.Initrd) }

// QEMU says how to call the emulator: an installed one by its name, an extracted one
// through its own dynamic loader, with its own libraries and data.
type QEMU struct {
	Argv    []string `json:"argv"`
	Env     []string `json:"env"` // added to the environment
	Version string   `json:"version"`
}

// ErrNoImage is returned by Find when the cache holds no image for this tree.
var ErrNoImage = errors.New("the lab has no image yet; make vm builds it")

// manifest is where package image says that an image is whole: written last.
const manifest = "manifest.json"

// ImageDir is the folder in the cache where the image with this key stands or will stand.
func ImageDir(key string) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "lab", "image-"+key), nil
}

// Load reads the manifest of the image in dir.
func Load(dir string) (Image, error) {
	var im Image
	data, err := os.ReadFile(filepath.Join(dir, manifest))
	if errors.Is(err, os.ErrNotExist) {
		return im, ErrNoImage
	}
	if err != nil {
		return im, err
	}
	if err := json.Unmarshal(data, &im); err != nil {
		return im, fmt.Errorf("%s: %w", filepath.Join(dir, manifest), err)
	}
	return im, nil
}

// Save writes the manifest into dir: the last act of a build.
func (im Image) Save(dir string) error {
	data, err := json.MarshalIndent(im, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifest), append(data, '\n'), 0o644)
}

// Find is the image that fits this tree, if the cache has it.
func Find() (Image, error) {
	key, err := Key()
	if err != nil {
		return Image{}, err
	}
	dir, err := ImageDir(key)
	if err != nil {
		return Image{}, err
	}
	return Load(dir)
}
