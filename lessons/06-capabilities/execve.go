package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// What execve(2) makes of the five sets (capabilities(7)). F is the file, P the thread
// before, P' after:
//
//	P'(ambient)     = 0 if the file has a set-user-ID bit or capabilities, else P(ambient)
//	P'(permitted)   = (P(inheritable) & F(inheritable)) | (F(permitted) & P(bounding)) | P'(ambient)
//	P'(effective)   = F(effective) ? P'(permitted) : P'(ambient)
//
// And for user 0 every file counts as one with all in F, and F(effective) set.

// sawAll reports what "everything" is on this kernel.
func sawAll(r *proof.Report) {
	r.Saw("all", "as many bits as /proc/sys/kernel/cap_last_cap says", everything())
}

// sawTold reports what the program behind execve(2) told.
func sawTold(r *proof.Report, key, before string, t told, fields ...string) {
	r.Saw(key+"-uid", before+", then execve(2): geteuid(2)", strconv.Itoa(t.UID))
	for _, field := range fields {
		r.Saw(key+"-"+field, "… its "+field, t.Is[field])
	}
}

// execRoot: what root gave up, execve(2) gives back, up to the bounding set.
var execRoot = proof.Proof{
	ID: "exec-root",
	Guest: func(r *proof.Report) error {
		sawAll(r)
		return onThread(func() error {
			if err := keep(bit(unix.CAP_KILL)); err != nil {
				return err
			}
			r.Saw("before", "root, after capset(2) to CAP_KILL alone: CapPrm", mine("CapPrm"))
			t, err := execve("", nil)
			if err != nil {
				return err
			}
			sawTold(r, "after", "the same", t, "CapPrm", "CapEff", "CapInh", "CapAmb")
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("before", hex(bit(unix.CAP_KILL)))
		s.Equal("after-uid", "0")
		s.Same("after-CapPrm", "all")
		s.Same("after-CapEff", "all")
		s.Equal("after-CapInh", nothing)
		s.Equal("after-CapAmb", nothing)
	},
}

// execUser: for anybody else execve(2) takes everything, but for the ambient set.
var execUser = proof.Proof{
	ID: "exec-user",
	Guest: func(r *proof.Report) error {
		who, err := student()
		if err != nil {
			return err
		}
		sawAll(r)
		return onThread(func() error {
			if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
				return err
			}
			if err := setuid(int(who.Uid)); err != nil {
				return err
			}
			r.Saw("kept-CapPrm", "root becomes student, with PR_SET_KEEPCAPS: CapPrm", mine("CapPrm"))
			r.Saw("kept-CapEff", "… CapEff", mine("CapEff"))

			low := bit(unix.CAP_NET_BIND_SERVICE)
			for _, c := range []struct {
				key, shown string
				prepare    func() error
			}{
				{"plain", "student with CAP_NET_BIND_SERVICE permitted and effective", func() error { return capset(low, low, 0) }},
				{"inheritable", "… and inheritable", func() error { return capset(low, low, low) }},
				{"ambient", "… and ambient", func() error { return raiseAmbient(unix.CAP_NET_BIND_SERVICE) }},
			} {
				if err := c.prepare(); err != nil {
					return err
				}
				t, err := execve("", nil, "NET_BIND_SERVICE")
				if err != nil {
					return err
				}
				sawTold(r, c.key, c.shown, t, "CapInh", "CapPrm", "CapEff")
				r.Saw(c.key+"-bind", "… bind(port 999)", t.Call)
			}
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		low := hex(bit(unix.CAP_NET_BIND_SERVICE))
		s.Same("kept-CapPrm", "all")
		s.Equal("kept-CapEff", nothing)
		s.Equal("plain-CapPrm", nothing)
		s.Equal("plain-bind", "EACCES")
		s.Equal("inheritable-CapInh", low)
		s.Equal("inheritable-CapPrm", nothing)
		s.Equal("inheritable-bind", "EACCES")
		s.Equal("ambient-CapPrm", low)
		s.Equal("ambient-CapEff", low)
		s.Equal("ambient-bind", "ok")
		s.Check(s.Get("ambient-uid") != "0", "the program is root")
	},
}

// giveFile writes capabilities onto a file: what setcap(8) does, with cap_chown=ep for
// permitted, with cap_chown=ei for inheritable.
func giveFile(path string, permitted, inheritable uint64) error {
	// struct vfs_cap_data, little-endian: the version with the effective bit, then permitted
	// and inheritable, each in two halves.
	text := binary.LittleEndian.AppendUint32(nil, 0x02000000|1)
	for _, word := range []uint32{uint32(permitted), uint32(inheritable), uint32(permitted >> 32), uint32(inheritable >> 32)} {
		text = binary.LittleEndian.AppendUint32(text, word)
	}
	if err := unix.Setxattr(path, "security.capability", text, 0); err != nil {
		return fmt.Errorf("setxattr(%q, %q): %w", path, "security.capability", err)
	}
	return nil
}

// fileCaps: a file can carry capabilities, as far as the bounding set lets it.
var fileCaps = proof.Proof{
	ID: "file-caps",
	Guest: func(r *proof.Report) error {
		who, err := student()
		if err != nil {
			return err
		}
		program, remove, err := copyOfMe()
		if err != nil {
			return err
		}
		defer remove()
		asStudent := &syscall.SysProcAttr{Credential: who}

		t, err := execve(program, asStudent, "NET_BIND_SERVICE")
		if err != nil {
			return err
		}
		sawTold(r, "bare", "student, a program without capabilities", t, "CapPrm")
		r.Saw("bare-bind", "… bind(port 999)", t.Call)

		if err := giveFile(program, bit(unix.CAP_NET_BIND_SERVICE), 0); err != nil {
			return err
		}
		r.Note("setcap cap_net_bind_service=ep program", "setcap cap_net_bind_service=ep program")
		t, err = execve(program, asStudent, "NET_BIND_SERVICE")
		if err != nil {
			return err
		}
		sawTold(r, "given", "student, the program with the capability", t, "CapPrm", "CapEff")
		r.Saw("given-bind", "… bind(port 999)", t.Call)

		return onThread(func() error {
			if err := dropBounding(unix.CAP_NET_BIND_SERVICE); err != nil {
				return err
			}
			_, err := execve(program, asStudent)
			r.Saw("bounded", "the same, without CAP_NET_BIND_SERVICE in the bounding set: execve(2)", answer(err))
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		low := hex(bit(unix.CAP_NET_BIND_SERVICE))
		s.Equal("bare-CapPrm", nothing)
		s.Equal("bare-bind", "EACCES")
		s.Same("bare-uid", "given-uid")
		s.Equal("given-CapPrm", low)
		s.Equal("given-CapEff", low)
		s.Equal("given-bind", "ok")
		s.Equal("bounded", "EPERM")
	},
}

// noNewPrivs: the promise that makes a set-user-ID program ordinary.
var noNewPrivs = proof.Proof{
	ID: "no-new-privs",
	Guest: func(r *proof.Report) error {
		who, err := student()
		if err != nil {
			return err
		}
		program, remove, err := copyOfMe()
		if err != nil {
			return err
		}
		defer remove()
		if err := os.Chmod(program, 0o755|os.ModeSetuid); err != nil {
			return err
		}
		carrier, remove, err := copyOfMe()
		if err != nil {
			return err
		}
		defer remove()
		if err := giveFile(carrier, bit(unix.CAP_NET_BIND_SERVICE), 0); err != nil {
			return err
		}
		asStudent := &syscall.SysProcAttr{Credential: who}
		sawAll(r)

		show := func(key, shown string) error {
			t, err := execve(program, asStudent)
			if err != nil {
				return err
			}
			sawTold(r, key+"setuid", shown+"student, a program of root's with mode 4755", t, "CapEff", "NoNewPrivs")
			t, err = execve(carrier, asStudent)
			if err != nil {
				return err
			}
			sawTold(r, key+"carrier", shown+"student, a program with cap_net_bind_service=ep", t, "CapEff")
			return nil
		}
		if err := show("", ""); err != nil {
			return err
		}
		return onThread(func() error {
			r.Saw("promise", "prctl(PR_SET_NO_NEW_PRIVS, 1)", answer(setNoNewPrivs()))
			if err := show("never-", "no_new_privs: "); err != nil {
				return err
			}
			r.Saw("back", "prctl(PR_SET_NO_NEW_PRIVS, 0)", answer(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)))
			// And root: what it has given up is a privilege too.
			if err := keep(bit(unix.CAP_KILL)); err != nil {
				return err
			}
			t, err := execve("", nil)
			if err != nil {
				return err
			}
			sawTold(r, "never-root", "no_new_privs: root with CAP_KILL alone", t, "CapEff")
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("setuid-uid", "0")
		s.Same("setuid-CapEff", "all")
		s.Equal("setuid-NoNewPrivs", "0")
		s.Equal("carrier-CapEff", hex(bit(unix.CAP_NET_BIND_SERVICE)))
		s.Equal("promise", "ok")
		s.Same("never-setuid-uid", "carrier-uid")
		s.Equal("never-setuid-CapEff", nothing)
		s.Equal("never-setuid-NoNewPrivs", "1")
		s.Equal("never-carrier-CapEff", nothing)
		s.Equal("back", "EINVAL")
		s.Equal("never-root-uid", "0")
		s.Equal("never-root-CapEff", hex(bit(unix.CAP_KILL)))
	},
}
