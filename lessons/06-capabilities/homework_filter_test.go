package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkFilter: what passes, what is refused and by which word.
func checkFilter(t *grade.T) {
	rootfs := makeRootfs(t)
	p, pid := start(t, "--rootfs", rootfs)
	mode := field(pid, "Seccomp")
	t.Saw(fmt.Sprintf("grep Seccomp: /proc/%d/status", pid), mode)
	if mode != "2" {
		t.Wrong("no-filter",
			"Seccomp of the command is %s, not 2: there is no filter on it. It belongs to the thread that loads it, and to what that thread starts.",
			"Seccomp у команды %s, а не 2: фильтра на ней нет. Он принадлежит потоку, который его загрузил, и тому, что этот поток запустит.", mode)
	}
	end(p)

	got := probe(t, rootfs, "calls")
	for _, c := range filterCalls {
		t.Saw(c.shown, got[c.name])
	}
	for _, c := range filterCalls {
		want := c.want
		if got[c.name] == want {
			continue
		}
		switch {
		case c.name == "clone3":
			t.Wrong("clone3",
				"clone3(2) is answered by %s: its flags are behind a pointer, so it has to be forbidden whole, and by ENOSYS, on which a C library takes clone(2). See proof `refuses`.",
				"ответ на clone3(2) — %s: флаги у него за указателем, поэтому запрещать надо целиком, и словом ENOSYS: услышав его, библиотека C берёт clone(2). См. доказательство `refuses`.", got[c.name])
		case c.name == "clone":
			t.Wrong("clone-namespaces",
				"clone(2) with CLONE_NEWUSER is answered by %s: in a user namespace of its own a program has every capability again, and the kernel's interfaces with them. The flags are the first argument: see proof `arguments`.",
				"ответ на clone(2) с CLONE_NEWUSER — %s: в собственном user namespace у программы снова все capabilities, а с ними и интерфейсы ядра. Флаги — первый аргумент: см. доказательство `arguments`.", got[c.name])
		case c.name == "x32":
			t.Wrong("x32",
				"a call by an x32 number (bit 30) is answered by %s, not ENOSYS: the same calls have other numbers there",
				"ответ на вызов с номером x32 (бит 30) — %s, а не ENOSYS: там у тех же вызовов другие номера", got[c.name])
		case want == "ok":
			t.Wrong("refused",
				"%s is answered by %s: ordinary programs need it, and it is on the list",
				"%s: ответ %s. Обычным программам это нужно, и в списке оно есть", c.shown, got[c.name])
		default:
			t.Wrong("open-call",
				"%s is answered by %s, not %s: it is not on the list. A list of what is forbidden forgets; the filter ends with EPERM for all that is not named.",
				"%s: ответ %s, а не %s. В списке этого нет. Список запрещённого что-нибудь да забудет; фильтр кончается ответом EPERM на всё, что не названо.", c.shown, got[c.name], want)
		}
	}

	admin := probe(t, rootfs, "calls", "--add-cap", "SYS_ADMIN")
	t.Saw("--add-cap SYS_ADMIN: unshare(0)", admin["unshare"])
	if admin["unshare"] != "ok" {
		t.Wrong("not-followed",
			"with --add-cap SYS_ADMIN unshare(2) is still answered by %s: the capability is of no use if the filter does not let its calls pass",
			"с --add-cap SYS_ADMIN ответ на unshare(2) всё ещё %s: от capability нет толку, если фильтр не пропускает её вызовов", admin["unshare"])
	}
	foreign(t, rootfs)
}

// foreign runs a 32-bit program: the same numbers, other calls.
func foreign(t *grade.T, rootfs string) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		return
	}
	if err := os.WriteFile(filepath.Join(rootfs, "bin", "foreign"), exit7(), 0o755); err != nil {
		t.Broken(err)
	}
	res := t.Mydocker("run", "--rootfs", rootfs, "/bin/foreign").Run()
	t.Saw("mydocker run of a 32-bit program that calls exit(7), its number 1", fmt.Sprintf("exit %d", res.Code))
	if res.Code != 128+int(unix.SIGSYS) {
		t.Wrong("foreign-arch",
			"a 32-bit program in the container made a call and ended with %d: its number 1 is exit(2), and the filter took it for write(2). What the filter does not know by architecture it does not know at all: kill. See proof `kills`, and the first three instructions of the lesson's filter.",
			"32-битная программа в контейнере сделала вызов и завершилась с кодом %d: её номер 1 — это exit(2), а фильтр принял его за write(2). Не посмотрев на архитектуру, фильтр не знает ничего: убить. См. доказательство `kills` и первые три инструкции фильтра из урока.", res.Code)
	}
}

// exit7 is a 32-bit program of three instructions: ebx = 7, eax = 1 (exit), int 0x80.
func exit7() []byte {
	const at = 0x10000
	code := []byte{0xbb, 7, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80}
	var b bytes.Buffer
	b.Write([]byte{0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}) // 32 bits, little-endian
	for _, v := range []any{
		uint16(2), uint16(3), uint32(1), // an executable, for i386
		uint32(at + 84), uint32(52), uint32(0), uint32(0), // it begins behind both headers
		uint16(52), uint16(32), uint16(1), uint16(0), uint16(0), uint16(0),
		// One segment: the whole file.
		uint32(1), uint32(0), uint32(at), uint32(at), uint32(84 + len(code)), uint32(84 + len(code)), uint32(5), uint32(0x1000),
	} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	b.Write(code)
	return b.Bytes()
}
