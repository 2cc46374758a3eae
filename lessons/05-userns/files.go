package main

import (
	"os"

	"mydocker.example/shared/proof"
)

// bothSides: a file has one owner, on the disk, and as many names for it as there are maps.
var bothSides = proof.Proof{
	ID: "both-sides",
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file, hosts, fives := dir+"/file", dir+"/hosts", dir+"/fives"
		for path, id := range map[string]int{hosts: 0, fives: 100005} {
			if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
				return err
			}
			if err := os.Chown(path, id, id); err != nil {
				return err
			}
		}
		in, err := mapped(0)
		if err != nil {
			return err
		}
		defer in.end()

		r.Saw("create", "inside, as 0: touch "+file, in.ask("create", file))
		r.Saw("new-inside", "inside: stat -c '%u %g' "+file, in.ask("owner", file))
		r.Saw("new-outside", "outside: stat -c '%u %g' "+file, owner(file))
		r.Saw("chown-5", "inside: chown 5 "+file, in.ask("chown", file, "5"))
		r.Saw("five-outside", "outside: stat", owner(file))
		r.Saw("chown-out", "outside: chown 100999 "+file, answer(os.Chown(file, 100999, 100999)))
		r.Saw("out-inside", "inside: stat", in.ask("owner", file))
		r.Saw("chown-70000", "inside: chown 70000 "+file, in.ask("chown", file, "70000"))

		// The capability to pass by permissions reaches as far as the map.
		r.Saw("fives", "inside: stat of a file of 100005, mode 0600", in.ask("owner", fives))
		r.Saw("read-fives", "inside: cat of it", in.ask("read", fives))
		r.Saw("hosts", "inside: stat of a file of the host's root, mode 0600", in.ask("owner", hosts))
		r.Saw("read-hosts", "inside: cat of it", in.ask("read", hosts))
		r.Saw("chown-hosts", "inside: chown 0 of it", in.ask("chown", hosts, "0"))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("create", "ok")
		s.Equal("new-inside", "0 0")
		s.Equal("new-outside", "100000 100000")
		s.Equal("chown-5", "ok")
		s.Equal("five-outside", "100005 100005")
		s.Equal("chown-out", "ok")
		s.Equal("out-inside", "999 999")
		s.Equal("chown-70000", "EINVAL")
		s.Equal("fives", "5 5")
		s.Equal("read-fives", "secret")
		s.Equal("hosts", "65534 65534")
		s.Equal("read-hosts", "EACCES")
		s.Equal("chown-hosts", "EPERM")
	},
}
