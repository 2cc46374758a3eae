package image

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// signed appends what sign-file does: a signature, its description, the mark.
func signed(ko []byte) []byte {
	signature := []byte("a signature")
	info := make([]byte, signatureInfo)
	binary.BigEndian.PutUint32(info[8:], uint32(len(signature)))
	out := append([]byte{}, ko...)
	out = append(append(out, signature...), info...)
	return append(out, signatureMark...)
}

func TestCutSignature(t *testing.T) {
	ko := elfFile("depends=\x00")
	assert.Equal(t, ko, cutSignature(signed(ko)))
	assert.Equal(t, ko, cutSignature(ko))
	broken := []byte(signatureMark)
	assert.Equal(t, broken, cutSignature(broken))
}

func TestModinfo(t *testing.T) {
	info, err := modinfo(elfFile("license=GPL\x00depends=llc,stp\x00alias=a\x00alias=b\x00\x00"))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"license": "GPL", "depends": "llc,stp", "alias": "a"}, info)
	_, err = modinfo([]byte("no ELF"))
	assert.Error(t, err)
}

// testModules is a tree of empty modules that depend on one another.
func testModules(t *testing.T, depends map[string]string, builtin string) *moduleSet {
	set := newModuleSet(func(name string) ([]byte, error) {
		if name == "modules.builtin" {
			return []byte(builtin), nil
		}
		for file, dep := range depends {
			if file == name {
				return signed(elfFile("depends=" + dep + "\x00")), nil
			}
		}
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	})
	for file := range depends {
		set.add(file)
	}
	require.NoError(t, set.readBuiltin())
	return set
}

func TestOrderPutsDependenciesFirst(t *testing.T) {
	set := testModules(t, map[string]string{
		"kernel/net/bridge/bridge.ko":                 "stp,llc",
		"kernel/net/802/stp.ko":                       "llc",
		"kernel/net/llc/llc.ko":                       "",
		"kernel/drivers/char/hw_random/virtio-rng.ko": "virtio",
	}, "kernel/drivers/virtio/virtio.ko\n")
	list, err := set.order(set.names([]string{"virtio_rng", "bridge", "not-in-this-kernel", "virtio"}))
	require.NoError(t, err)
	var paths []string
	for _, m := range list {
		paths = append(paths, m.Path)
	}
	assert.Equal(t, []string{
		"kernel/drivers/char/hw_random/virtio-rng.ko",
		"kernel/net/llc/llc.ko", "kernel/net/802/stp.ko", "kernel/net/bridge/bridge.ko",
	}, paths)
}

func TestOrderNamesWhatIsMissing(t *testing.T) {
	set := testModules(t, map[string]string{"kernel/a.ko": "b"}, "")
	_, err := set.order([]string{"a"})
	assert.ErrorContains(t, err, "module a: the kernel's package has no module b")
}

func TestNamesOfAFolder(t *testing.T) {
	set := testModules(t, map[string]string{"kernel/net/x/b.ko.xz": "", "kernel/net/x/a.ko": "", "kernel/fs/c.ko": ""}, "")
	assert.Equal(t, []string{"a", "b"}, set.names([]string{"kernel/net/x/"}))
}
