//go:build !amd64

package main

import (
	"runtime"

	"mydocker.example/shared/proof"
)

// The two proofs speak the machine language of the x86.
var (
	trapAndEmulate = onlyX86("trap-and-emulate")
	silent         = onlyX86("silent")
)

func onlyX86(id string) proof.Proof {
	return proof.Proof{ID: id, Host: true,
		Guest: func(r *proof.Report) error { r.Saw("arch", "the processor", runtime.GOARCH); return nil },
		Judge: skipNotX86,
	}
}
