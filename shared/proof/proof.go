// Package proof is the engine behind the lessons: it takes the claims of a README, has
// each proved by a program that runs on a real kernel, and says PROVED or REFUTED.
//
// It is plumbing, taught by no lesson and free for all. The same binary is the judge and
// the proof. The judge runs on the host: it starts a guest, copies itself there, has it run
// one proof, reads what the kernel answered as events over a port, and decides. So a proof
// may kill its guest and still be judged.
//
//	host                                        guest
//	main.go      what was asked for
//	judge.go     one claim after another ──→    guest.go    runs one proof, as root
//	host.go      … on this machine              report.go   says what the kernel answered
//	lab.go       … in a guest                   attack.go   the attack, in both halves
//	seen.go      decides               ←──      leftover.go what the proof left behind
//	people.go    shows                  events
//	stage.go     shows, step by step: what the keys do
//	onstage.go                        and what stands on the screen
//	notes.go     for the speaker, on another terminal
//	record.go    keeps what the stage would have shown
package proof

import (
	"io/fs"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Lesson is what a lesson's main hands to Main.
type Lesson struct {
	Number int
	Name   string // "01-prototype"
	Texts  fs.FS  // README.md and README.ru.md, embedded
	Proofs []Proof

	// Needs says what a machine lacks for this lesson when it is to run on the machine
	// itself (LAB=host); nil: the lesson needs only Linux and root.
	Needs func() error
}

// A Proof is the program behind one numbered claim.
type Proof struct {
	ID     string
	Guest  func(r *Report) error // runs in the guest, as root; an error refutes the claim
	Watch  func(w *Watch)        // runs on the host meanwhile, beside a proof in a guest; may be nil
	Judge  func(s *Seen)         // runs on the host afterwards, and decides; nil: no error is proof enough
	Attack *Attack               // instead of Guest and Judge, or after Guest

	Mydocker   bool // runs mydocker as it stands after this lesson, by the func Mydocker; not shown where there is none
	Host       bool // runs on this machine, with its user's rights; what it needs, a guest say, it starts itself
	Disposable bool // needs a guest of its own
	MayDie     bool // the guest's death is an observation: Seen.Died (implies Disposable)
	Dangerous  bool // refused on the machine itself (LAB=host); Disposable and MayDie are too
	Orphans    bool // orphans of the proof go to process 1, as in life, not to the engine

	Timeout time.Duration // of a machine that is not emulated; 0: 20 s
	User    string        // "student" to run unprivileged
}

// An Attack is one program run twice: without the mechanism it must succeed, with the
// mechanism the kernel must answer one of Errnos.
type Attack struct {
	// Run is the attack. It runs in a process of its own, the same function both times.
	// nil: it got what it wanted; an error carries the errno that stopped it.
	Run func(a *Attacker) error

	// Prepare makes the victim, in the proof's process, before each half; may be nil.
	// What it passes (Report.Pass) the attacker can Get.
	Prepare func(r *Report) (cleanup func(), err error)

	// Without and With set up the surroundings in the parent, before clone(2); may be nil.
	Without func(cmd *exec.Cmd) error
	With    func(cmd *exec.Cmd) error

	// Inside is the rest of the mechanism: what the attacker's process must do to itself
	// (pivot_root, drop capabilities, load a filter). It runs in the child, after clone(2),
	// in the half with the mechanism only, before Run and on the same thread; may be nil.
	Inside func(a *Attacker) error

	Errno  unix.Errno   // what the kernel must answer with the mechanism
	Errnos []unix.Errno // the same, when several answers will do

	// Signal is for a mechanism that does not answer the attacker but ends it (the OOM
	// killer): the signal by which the attacker's process must die with the mechanism.
	Signal unix.Signal
}

// defaultTimeout is the time limit of a proof that names none.
const defaultTimeout = 20 * time.Second

func (p *Proof) timeout() time.Duration {
	if p.Timeout > 0 {
		return p.Timeout
	}
	return defaultTimeout
}

// ownGuest says that no other proof may share the guest with this one.
func (p *Proof) ownGuest() bool { return p.Disposable || p.MayDie }

// couldHurt says that the proof must not run on a machine that somebody needs.
func (p *Proof) couldHurt() bool { return p.Dangerous || p.ownGuest() || p.Watch != nil }

// answers is allowed, and the signal, in words.
func (a *Attack) answers() string {
	text := errnoNames(a.allowed())
	if a.Signal != 0 {
		text = strings.TrimPrefix(text+", "+unix.SignalName(a.Signal), ", ")
	}
	return text
}

// allowed is what the kernel may answer to the attack with the mechanism.
func (a *Attack) allowed() []unix.Errno {
	if a.Errno != 0 {
		return append([]unix.Errno{a.Errno}, a.Errnos...)
	}
	return a.Errnos
}
