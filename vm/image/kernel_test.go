package image

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elfFile is an ELF file with one segment (text) and the section .modinfo.
func elfFile(modinfo string) []byte {
	const names = "\x00.modinfo\x00.shstrtab\x00"
	var b bytes.Buffer
	put := func(v any) { binary.Write(&b, binary.LittleEndian, v) }
	b.WriteString("\x7fELF\x02\x01\x01" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	const header, program = 64, 56
	data := uint64(header + program)
	sections := data + uint64(len(modinfo)+len(names))
	put([]uint16{1, 62})
	put(uint32(1))
	put([]uint64{0, header, sections})
	put(uint32(0))
	put([]uint16{header, program, 1, 64, 3, 2})
	put([]uint32{1, 5})
	put([]uint64{data, 0, 0, uint64(len(modinfo)), uint64(len(modinfo)), 1})
	b.WriteString(modinfo + names)
	section := func(name, kind uint32, offset, size uint64) {
		put([]uint32{name, kind})
		put([]uint64{0, 0, offset, size})
		put([]uint32{0, 0})
		put([]uint64{1, 0})
	}
	section(0, 0, 0, 0)
	section(1, 1, data, uint64(len(modinfo)))
	section(10, 3, data+uint64(len(modinfo)), uint64(len(names)))
	return b.Bytes()
}

// bzImageOf is a bzImage with this payload, in which the packed kernel is followed by its
// length, as the kernel's own build does it.
func bzImageOf(payload []byte) []byte {
	payload = append(payload, 1, 2, 3, 4)
	image := make([]byte, 3*512) // the boot sector and two of setup
	image[setupSects] = 2
	copy(image[bootMagic:], "HdrS")
	copy(image[0x400:], "6.12.95+test (build@host) #1\x00")
	binary.LittleEndian.PutUint16(image[kernelVersion:], 0x200)
	const gap = 32
	binary.LittleEndian.PutUint32(image[payloadOffset:], gap)
	binary.LittleEndian.PutUint32(image[payloadLength:], uint32(len(payload)))
	image = append(image, make([]byte, gap)...)
	image = append(image, payload...)
	return append(image, "what follows the payload"...)
}

func TestVmlinuxFromBzImage(t *testing.T) {
	kernel := elfFile("version=1\x00")
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(kernel)
	w.Close()
	enc, err := zstd.NewWriter(nil)
	require.NoError(t, err)

	for name, packed := range map[string][]byte{"gzip": gz.Bytes(), "zstd": enc.EncodeAll(kernel, nil)} {
		t.Run(name, func(t *testing.T) {
			image := bzImageOf(packed)
			got, err := vmlinux(image)
			require.NoError(t, err)
			assert.True(t, bytes.HasPrefix(got, kernel))
			assert.Equal(t, "6.12.95+test", kernelRelease(image))
		})
	}
}

func TestVmlinuxRefusesWhatIsNotWhole(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	kernel := elfFile("version=1\x00")
	for name, image := range map[string][]byte{
		"no bzImage":       kernel,
		"cut short":        bzImageOf(enc.EncodeAll(kernel, nil))[:1560],
		"unknown packing":  bzImageOf([]byte("lzop or so")),
		"kernel cut short": bzImageOf(enc.EncodeAll(kernel[:125], nil)),
	} {
		_, err := vmlinux(image)
		assert.Error(t, err, name)
	}
	assert.Equal(t, "", kernelRelease(kernel))
}

func TestBannerRelease(t *testing.T) {
	assert.Equal(t, "6.1.0-x", bannerRelease([]byte("..Linux version 6.1.0-x (builder) #1")))
	assert.Equal(t, "", bannerRelease([]byte("Linux version %s")))
}
