package main

import "encoding/binary"

// The smallest guest of this lesson: nine bytes that print a text by port I/O. In the real
// mode of 1978 and in the long mode of today they mean the same, so that one and the same
// guest runs in trap.go as a process and in hypervisor.go as a machine.
var nine = []byte{
	0xAC,       // next: lodsb          AL = the byte at SI, SI++
	0x84, 0xC0, //       test al, al
	0x74, 0x03, //       jz end         zero: the text is over
	0xEE,       //       out dx, al     give the byte to the device at port DX
	0xEB, 0xF8, //       jmp next
	0xF4, // end:   hlt            nothing more to do
}

const (
	serialPort = 0x3f8 // where a PC has its first serial line
	guestText  = "Hello from nine bytes\n"
)

// elf wraps machine code into the shortest program that execve(2) takes: a header, one
// segment, code, data (elf(5)). It returns where the data will lie.
func elf(code, data []byte) (program []byte, dataAt uint64) {
	const base, headers = 0x400000, 64 + 56
	size := uint64(headers + len(code) + len(data))
	le := binary.LittleEndian
	p := append([]byte("\x7fELF"), 2, 1, 1, 0) // 64 bits, little end first, version 1
	p = append(p, make([]byte, 8)...)
	p = le.AppendUint16(p, 2)                           // an executable
	p = le.AppendUint16(p, 62)                          // x86-64
	p = le.AppendUint32(p, 1)                           // version
	for _, v := range []uint64{base + headers, 64, 0} { // entry, program header, sections
		p = le.AppendUint64(p, v)
	}
	p = le.AppendUint32(p, 0)                        // flags
	for _, v := range []uint16{64, 56, 1, 0, 0, 0} { // sizes and numbers of headers
		p = le.AppendUint16(p, v)
	}
	p = le.AppendUint32(p, 1) // load this segment …
	p = le.AppendUint32(p, 5) // … to be read and executed
	for _, v := range []uint64{0, base, base, size, size, 0x1000} {
		p = le.AppendUint64(p, v)
	}
	p = append(append(p, code...), data...)
	return p, base + headers + uint64(len(code))
}
