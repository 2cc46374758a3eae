package vm

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// inputs is everything in this tree that an image is made from. It is embedded, so that a
// program that was built from the tree knows which image is its own, wherever it runs.
//
//go:embed go.mod go.sum agent/*.go internal image/*.go *.lock
var inputs embed.FS

// Recipe is a hash of what the kernel and the root file system are made from.
// Beside the packages, that is package image alone: a change of the agent leaves it.
func Recipe() (string, error) { return hashInputs("image") }

// Key is a hash of everything that an image is made from. What a reader gives of his own
// counts too, by its size and time.
func Key() (string, error) { return KeyFor(runtime.GOARCH) }

// KeyFor is Key on a machine with this processor, as GOARCH says it.
func KeyFor(goarch string) (string, error) {
	tree, err := hashInputs(".")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, goarch, tree)
	for _, name := range []string{"LAB_KERNEL", "LAB_IMAGE"} {
		file := os.Getenv(name)
		if file == "" {
			continue
		}
		if file, err = filepath.Abs(file); err != nil {
			return "", err
		}
		info, err := os.Stat(file)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintln(sum, name, file, info.Size(), info.ModTime().UnixNano())
	}
	return short(sum.Sum(nil)), nil
}

// hashInputs hashes the embedded files below root, tests apart.
func hashInputs(root string) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(inputs, root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		f, err := inputs.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintln(sum, name)
		_, err = io.Copy(sum, f)
		return err
	})
	return short(sum.Sum(nil)), err
}

func short(sum []byte) string { return hex.EncodeToString(sum[:8]) }
