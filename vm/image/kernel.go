package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
)

// Offsets in a bzImage (the kernel's Documentation/arch/x86/boot.rst).
const (
	setupSects    = 0x1f1 // sectors of real-mode code after the first
	bootMagic     = 0x202 // "HdrS"
	kernelVersion = 0x20e // offset of the version string, less 0x200
	payloadOffset = 0x248 // of the packed vmlinux, from the protected-mode code
	payloadLength = 0x24c
)

// vmlinux unpacks the ELF kernel out of a bzImage. QEMU starts it at once, where a bzImage
// first has to unpack itself on the emulated processor: a second or more.
func vmlinux(bzImage []byte) ([]byte, error) {
	payload, err := kernelPayload(bzImage)
	if err != nil {
		return nil, err
	}
	r, err := decompress(bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	// The payload ends in four bytes of length that belong to no compressed stream, so an
	// error at its very end says nothing; whether the ELF file is whole does.
	_, readErr := io.Copy(&out, r)
	if err := wholeELF(out.Bytes()); err != nil {
		return nil, errors.Join(err, readErr)
	}
	return out.Bytes(), nil
}

func isBzImage(b []byte) bool {
	return len(b) > payloadLength+4 && string(b[bootMagic:bootMagic+4]) == "HdrS"
}

// isArm64Image knows the kernel's Documentation/arch/arm64/booting.rst.
func isArm64Image(b []byte) bool { return len(b) > 64 && string(b[56:60]) == "ARM\x64" }

func kernelPayload(bzImage []byte) ([]byte, error) {
	if !isBzImage(bzImage) {
		return nil, errors.New("no bzImage")
	}
	sectors := int64(bzImage[setupSects])
	if sectors == 0 {
		sectors = 4
	}
	start := (sectors+1)*512 + int64(binary.LittleEndian.Uint32(bzImage[payloadOffset:]))
	end := start + int64(binary.LittleEndian.Uint32(bzImage[payloadLength:]))
	if start >= end || end > int64(len(bzImage)) {
		return nil, errors.New("the bzImage is cut short")
	}
	return bzImage[start:end], nil
}

// wholeELF says whether every segment that the header promises is there.
func wholeELF(b []byte) error {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Off+p.Filesz > uint64(len(b)) {
			return errors.New("the kernel is cut short")
		}
	}
	return nil
}

// kernelRelease reads what `uname -r` will say out of a bzImage; "" if it does not tell.
func kernelRelease(bzImage []byte) string {
	if !isBzImage(bzImage) {
		return ""
	}
	at := int(binary.LittleEndian.Uint16(bzImage[kernelVersion:])) + 0x200
	if at >= len(bzImage) {
		return ""
	}
	text := bzImage[at:]
	if end := bytes.IndexAny(text, " \x00"); end >= 0 {
		return string(text[:end])
	}
	return ""
}
