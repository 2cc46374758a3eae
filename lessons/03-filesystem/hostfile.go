package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// hostFile: root in a container of lesson 02 reads and changes a file of the host.
var hostFile = proof.Proof{
	ID: "host-file",
	Attack: &proof.Attack{
		Prepare: prepareDiary,
		Run:     changeDiary,
		Without: ownMountsAndPIDs, // a mount namespace alone hides nothing: it is a copy
		With:    ownMountsAndPIDs,
		Inside:  func(a *proof.Attacker) error { return enter(a.Get("root")) },
		Errno:   unix.ENOENT,
	},
	// The fact is the one of the half that came last.
	Judge: func(s *proof.Seen) { s.Equal("diary-after", "of the host") },
}

// prepareDiary also reports, on the way out, what the file holds by then.
func prepareDiary(r *proof.Report) (cleanup func(), err error) {
	remove, err := prepareHost(r)
	if err != nil {
		return remove, err
	}
	diary := filepath.Dir(preparedRoot) + "/diary"
	return func() {
		r.Saw("diary-after", "the host afterwards: cat "+diary, text(diary))
		remove()
	}, nil
}

// changeDiary is the attack program. It has what it wants when it has read the file and
// changed it.
func changeDiary(a *proof.Attacker) error {
	if err := sawOwnTable(a); err != nil {
		return err
	}
	path := a.Get("diary")
	read, readErr := os.ReadFile(path)
	a.Saw("cat "+path, orText(readErr, string(read)))

	f, writeErr := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // O_CREAT would make one of our own
	if writeErr == nil {
		_, writeErr = f.WriteString("of the container")
		writeErr = errors.Join(writeErr, f.Close())
	}
	a.Saw("echo of the container >"+path, answer(writeErr))
	if answer(readErr) != answer(writeErr) {
		return fmt.Errorf("two answers: %s to reading, %s to writing", answer(readErr), answer(writeErr))
	}
	return readErr
}

// orText is the text, or the errno in its place.
func orText(err error, text string) string {
	if err != nil {
		return answer(err)
	}
	return text
}
