package proof

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A place is where proofs run: a guest of the lab, or this machine.
type place interface {
	// prepare begins what run for p will need, and does not wait for it.
	prepare(ctx context.Context, p *Proof)

	// run has this binary run p and hands on its events and its output as they come.
	run(ctx context.Context, p *Proof, events, output io.Writer) (outcome, error)

	close() error
}

// An outcome is how the proof's process ended, as far as it did not say so itself.
type outcome struct {
	exit     int
	died     bool          // the guest did
	timedOut bool          // and was ended
	watched  bool          // and was ended by its Watch, which had seen enough
	limit    time.Duration // which it ran into
	console  string        // its end, when the guest died or hung
}

// fitForHost refuses what must not or cannot run on the machine itself.
func fitForHost(l Lesson, claims []claim, mayHurt bool) error {
	guests := slices.ContainsFunc(claims, func(c claim) bool { return !c.proof.Host })
	if runtime.GOOS != "linux" || guests && os.Geteuid() != 0 {
		return fmt.Errorf("LAB=host runs the proofs on this machine: that needs Linux and root. Without LAB=host they run in the lab")
	}
	var dangerous []string
	for _, c := range claims {
		if c.proof.couldHurt() {
			dangerous = append(dangerous, c.ID)
		}
	}
	if len(dangerous) > 0 && !mayHurt {
		return fmt.Errorf("LAB=host: these proofs could hurt this machine and are refused: %s.\n"+
			"Run them in the lab (without LAB=host), choose others with ONLY=, or set LAB_HOST_DANGER=yes",
			strings.Join(dangerous, ", "))
	}
	if l.Needs != nil {
		if err := l.Needs(); err != nil {
			return fmt.Errorf("LAB=host: this machine lacks what lesson %s needs: %w", l.Name, err)
		}
	}
	return nil
}
