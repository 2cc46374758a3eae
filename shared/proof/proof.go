// Package proof is the engine behind the lessons: it takes the claims of a README, has
// each proved by a program that runs on a real kernel, and says PROVED or REFUTED.
//
// It is plumbing, taught by no lesson and free for all. The same binary is the judge and
// the proof. The judge runs on the host: it starts a guest, copies itself there, has it run
// one proof, reads what the kernel answered as events over a port, and decides. So a proof
// may kill its guest and still be judged.
package proof

import (
	"io/fs"
	"os/exec"
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
	Judge  func(s *Seen)         // runs on the host afterwards, and decides; nil: no error is proof enough
	Attack *Attack               // instead of Guest and Judge, or after them

	Disposable bool // needs a guest of its own
	MayDie     bool // the guest's death is an observation: Seen.Died (implies Disposable)
	Dangerous  bool // refused on the machine itself (LAB=host); Disposable and MayDie are too
	Orphans    bool // orphans of the proof go to process 1, as in life, not to the engine

	Timeout time.Duration // of an unemulated machine; 0: 20 s
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
	// (pivot_root, drop capabilities, load a filter). It runs in the child, in the half with
	// the mechanism only, before Run and on the same thread; may be nil.
	Inside func(a *Attacker) error

	Errno  unix.Errno   // what the kernel must answer with the mechanism
	Errnos []unix.Errno // the same, when several answers will do
}

// Main is all that a lesson's main calls: the judge on the host, the proof in the guest.
func Main(l Lesson) { panic("not written yet") }

// CheckTexts holds the lesson's texts against its code: the same ids and numbers in
// README.md, README.ru.md and Proofs, in the same order.
func CheckTexts(l Lesson) error { panic("not written yet") }

// A Report is how a proof says, in the guest, what the kernel answered.
type Report struct{}

// Saw reports a fact; it is shown at once as `question → answer`.
func (r *Report) Saw(key, question, answer string) {}

// Sawf is Saw with a formatted answer.
func (r *Report) Sawf(key, question, format string, args ...any) {}

// Note shows one dim line between facts.
func (r *Report) Note(en, ru string) {}

// Pass hands a value to the attacker, which gets it by Attacker.Get.
func (r *Report) Pass(key, value string) {}

// An Attacker is how the attack program says what it got.
type Attacker struct{}

// Saw reports what the attack program saw.
func (a *Attacker) Saw(question, answer string) {}

// Get is a value that Prepare passed.
func (a *Attacker) Get(key string) string { return "" }

// Seen is what the judge has: the facts that came out of the guest.
type Seen struct{}

// Get is the answer under key; a key that was never reported refutes the claim.
func (s *Seen) Get(key string) string { return "" }

// Int is Get as a number.
func (s *Seen) Int(key string) int64 { return 0 }

// Has says whether key was reported.
func (s *Seen) Has(key string) bool { return false }

// Died says whether the guest died during the proof.
func (s *Seen) Died() bool { return false }

// Console is the end of the guest's console.
func (s *Seen) Console() string { return "" }

// Equal requires the answer under key to be want.
func (s *Seen) Equal(key, want string) {}

// Same requires the answers under a and b to be the same.
func (s *Seen) Same(a, b string) {}

// Differ requires the answers under a and b to differ.
func (s *Seen) Differ(a, b string) {}

// Check requires ok; the text says what was found instead.
func (s *Seen) Check(ok bool, format string, args ...any) {}
