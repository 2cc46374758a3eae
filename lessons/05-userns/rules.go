package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// A trial is one text for uid_map, written by somebody into a namespace that is new.
type trial struct{ key, text, want string }

// ordinary are the trials of the user 1000, who owns 100000 to 165535 by /etc/subuid.
var ordinary = []trial{
	{"own", "0 1000 1", "ok"},
	{"own-as-5", "5 1000 1", "ok"},
	{"roots", "0 0 1", "EPERM"},
	{"two-ids", "0 1000 2", "EPERM"},
	{"two-lines", "0 1000 1, 1 100000 1", "EPERM"},
	{"subordinate", "0 100000 65536", "EPERM"},
}

// roots are the trials of root, who may map anything: what is left is the form.
var roots = []trial{
	{"any", "0 1000 1, 1 100000 65535", "ok"},
	{"overlap-in", "0 100000 10, 9 200000 10", "EINVAL"},
	{"overlap-out", "0 100000 10, 10 100009 10", "EINVAL"},
	{"nothing", "0 100000 0", "EINVAL"},
	{"lines-340", lines(340), "ok"},
	{"lines-341", lines(341), "EINVAL"},
	{"page-less-one", padded(os.Getpagesize() - 1), "ok"},
	{"page", padded(os.Getpagesize()), "EINVAL"},
}

// padded is a good map of one line, with blanks up to size bytes.
func padded(size int) string { return fmt.Sprintf("%-*s", size, "0 100000 1") }

// lines is a map of n lines of one id each.
func lines(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%d %d 1", i, 1000+i))
	}
	return strings.Join(all, ", ")
}

// mapRules: what may be written into uid_map, and by whom.
var mapRules = proof.Proof{
	ID: "map-rules",
	Guest: func(r *proof.Report) error {
		s, err := asStudent()
		if err != nil {
			return err
		}
		defer s.end()
		root, err := newActor(nil)
		if err != nil {
			return err
		}
		defer root.end()
		pid := 0
		try := func(who string, writer *actor, trials []trial) error {
			for _, t := range trials {
				if pid, err = writer.clone("user"); err != nil {
					return err
				}
				text := t.text
				switch n := strings.Count(text, ",") + 1; {
				case n > 2:
					text = fmt.Sprintf("a map of %d lines", n)
				case len(text) > 40:
					text = fmt.Sprintf("0 100000 1 and blanks, %d bytes", len(text))
				}
				r.Saw(t.key, who+": echo '"+text+"' >/proc/PID/uid_map", writer.ask("write", fmt.Sprintf("/proc/%d/uid_map", pid), t.text))
			}
			return nil
		}
		if err := try("student", s, ordinary); err != nil {
			return err
		}
		if err := try("root", root, roots); err != nil {
			return err
		}
		path := fmt.Sprintf("/proc/%d/uid_map", pid) // the last one was refused: it is empty
		r.Saw("first", "root: echo '0 100000 1' >"+path, root.ask("write", path, "0 100000 1"))
		r.Saw("again", "root: the same once more", root.ask("write", path, "0 100000 1"))
		return nil
	},
	Judge: func(s *proof.Seen) {
		for _, t := range append(append([]trial{}, ordinary...), roots...) {
			s.Equal(t.key, t.want)
		}
		s.Equal("first", "ok")
		s.Equal("again", "EPERM")
	},
}

// barred is a group whose members are kept out of a file.
const barred = 2000

// setgroups: why a user without privileges must give up setgroups(2) before writing gid_map.
var setgroups = proof.Proof{
	ID: "setgroups",
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file := dir + "/file"
		if err := os.WriteFile(file, []byte("not for the barred"), 0o604); err != nil {
			return err
		}
		if err := os.Chown(file, 0, barred); err != nil {
			return err
		}
		free, err := asStudent()
		if err != nil {
			return err
		}
		defer free.end()
		s, err := asStudent(barred)
		if err != nil {
			return err
		}
		defer s.end()
		const file604 = "cat of a file -rw----r--, group 2000"
		r.Saw("free", "student: "+file604, free.ask("read", file))
		r.Saw("barred", "student in group 2000: the same", s.ask("read", file))

		me := strings.Fields(s.ask("ids"))[0]
		line := "0 " + me + " 1"
		pid, err := s.clone("user")
		if err != nil {
			return err
		}
		proc := fmt.Sprintf("/proc/%d/", pid)
		r.Saw("uid_map", "student: echo "+line+" >uid_map", s.ask("write", proc+"uid_map", line))
		r.Saw("gid-early", "student: echo "+line+" >gid_map", s.ask("write", proc+"gid_map", line))
		r.Saw("deny", "student: echo deny >setgroups", s.ask("write", proc+"setgroups", "deny"))
		r.Saw("gid-late", "student: echo "+line+" >gid_map", s.ask("write", proc+"gid_map", line))
		s.child("exec-again")
		r.Saw("drop", "inside, root with every capability: setgroups({})", s.child("setgroups"))
		r.Saw("allow", "inside: echo allow >/proc/self/setgroups", s.child("write", "/proc/self/setgroups", "allow"))
		r.Saw("still", "inside: "+file604, s.child("read", file))

		// The counter-proof: root writes the maps of the same child, and denies nothing.
		if pid, err = s.clone("user"); err != nil {
			return err
		}
		for _, name := range []string{"uid_map", "gid_map"} {
			if err := writeOnce(fmt.Sprintf("/proc/%d/%s", pid, name), line); err != nil {
				return err
			}
		}
		s.child("exec-again")
		r.Saw("allowed", "another, mapped by root; inside: cat /proc/self/setgroups", s.child("read", "/proc/self/setgroups"))
		r.Saw("drop-allowed", "inside: setgroups({})", s.child("setgroups"))
		r.Saw("out", "inside: "+file604, s.child("read", file))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("free", "not for the barred")
		s.Equal("barred", "EACCES")
		s.Equal("uid_map", "ok")
		s.Equal("gid-early", "EPERM")
		s.Equal("deny", "ok")
		s.Equal("gid-late", "ok")
		s.Equal("drop", "EPERM")
		s.Equal("allow", "EPERM")
		s.Equal("still", "EACCES")
		s.Equal("allowed", "allow")
		s.Equal("drop-allowed", "ok")
		s.Equal("out", "not for the barred")
	},
}

// secondLine: more ids than one's own, with the help of a program that may.
var secondLine = proof.Proof{
	ID: "second-line",
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s, err := asStudent()
		if err != nil {
			return err
		}
		defer s.end()
		subuid, err := read("/etc/subuid")
		if err != nil {
			return err
		}
		r.Saw("subuid", "cat /etc/subuid", subuid)
		var st syscall.Stat_t
		if err := syscall.Stat("/usr/bin/newuidmap", &st); err != nil {
			return err
		}
		r.Sawf("suid", "stat -c '%u %a' /usr/bin/newuidmap", "%d %o", st.Uid, st.Mode&0o7777)
		r.Saw("mine", "student: touch "+dir+"/mine", s.ask("create", dir+"/mine"))

		pid, err := s.clone("user")
		if err != nil {
			return err
		}
		p := fmt.Sprint(pid)
		r.Saw("greedy", "student: newuidmap PID 0 0 1", s.ask("newuidmap", p, "0", "0", "1"))
		r.Saw("beyond", "student: newuidmap PID 0 100000 65537", s.ask("newuidmap", p, "0", "100000", "65537"))
		r.Saw("newuidmap", "student: newuidmap PID 0 1000 1 1 100000 65535", s.ask("newuidmap", p, "0", "1000", "1", "1", "100000", "65535"))
		r.Saw("newgidmap", "student: newgidmap PID 0 1000 1 1 100000 65535", s.ask("newgidmap", p, "0", "1000", "1", "1", "100000", "65535"))
		s.child("exec-again")
		r.Saw("map", "inside: cat /proc/self/uid_map", s.child("uid_map"))
		r.Saw("mine-inside", "inside: stat -c '%u %g' "+dir+"/mine", s.child("owner", dir+"/mine"))
		r.Saw("chown", "inside: chown 33 "+dir+"/mine", s.child("chown", dir+"/mine", "33"))
		r.Saw("now-outside", "outside: stat", owner(dir+"/mine"))
		r.Saw("unlink", "student, outside: cat "+dir+"/mine", s.ask("read", dir+"/mine"))
		r.Saw("setuid", "inside: setuid(33)", s.child("setuid", "33"))
		r.Saw("uid-outside", fmt.Sprintf("outside: grep Uid /proc/%d/status", pid), uidOf(pid))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(strings.Contains(s.Get("subuid"), "student:100000:65536"), "student has no subordinate ids in %q", s.Get("subuid"))
		s.Equal("suid", "0 4755")
		s.Equal("mine", "ok")
		s.Check(strings.HasPrefix(s.Get("greedy"), "exit status 1"), "newuidmap said %q", s.Get("greedy"))
		s.Check(strings.HasPrefix(s.Get("beyond"), "exit status 1"), "newuidmap said %q", s.Get("beyond"))
		s.Equal("newuidmap", "ok")
		s.Equal("newgidmap", "ok")
		s.Equal("map", "0 1000 1, 1 100000 65535")
		s.Equal("mine-inside", "0 0")
		s.Equal("chown", "ok")
		s.Equal("now-outside", "100032 100032")
		s.Equal("unlink", unix.ErrnoName(unix.EACCES))
		s.Equal("setuid", "ok")
		s.Equal("uid-outside", "100032")
	},
}
