package main

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"mydocker.example/shared/proof"
)

// sealed gives a cell a question, and then has it try everything else.
var sealed = proof.Proof{
	ID: "sealed",
	Guest: func(r *proof.Report) error {
		c, _, cleanup, err := newCell()
		if err != nil {
			return err
		}
		defer cleanup()
		const question = "a page from a stranger\n"
		r.Sawf("expected", fmt.Sprintf("here: sha256 of %q", question), "%x", sha256.Sum256([]byte(question)))
		// The same program, once in a cell and once in a cell without anything.
		for _, scene := range []struct {
			key, name string
			on        bool
		}{{"cell", "a cell", false}, {"sealed", "a sealed cell", true}} {
			c.Sealed, c.Input = scene.on, question
			for _, try := range []struct{ key, script string }{
				{"answer", "sha256sum | cut -d' ' -f1"},
				{"file", "echo note >/tmp/note && cat /tmp/note"},
				{"owner", "cd /dev/shm && touch mine && chown 33 mine && stat -c %u mine"},
				{"call", "nc 127.0.0.1 9"},
			} {
				if err := c.saw(r, try.key+"-"+scene.key, scene.name, try.script); err != nil {
					return err
				}
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Same("answer-cell", "expected")
		s.Same("answer-sealed", "expected")
		for key, want := range map[string][2]string{
			"file":  {"note", "Read-only file system"},
			"owner": {"33", "Operation not permitted"},
			"call":  {"Connection refused", "Network is unreachable"},
		} {
			for i, scene := range []string{"cell", "sealed"} {
				got := s.Get(key + "-" + scene)
				s.Check(strings.Contains(got, want[i]), "%s of the %s: %q, and should be %q", key, scene, got, want[i])
			}
		}
	},
}
