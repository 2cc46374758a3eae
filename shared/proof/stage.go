package proof

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// stage is STEP=1: the lecturer decides when a proof runs and which comes next. A proof
// is first shown, then run, then left.
func (j *judge) stage(ctx context.Context, in *os.File, show *people) error {
	keys, restore, err := newKeys(in, func(typed string) { show.prompt(typed) })
	if err != nil {
		return err
	}
	defer restore()

	at, ran := 0, false
	present := func(i int) {
		at, ran = i, false
		show.clear()
		show.claim(j.claims[at])
		j.place.prepare(ctx, j.claims[at].proof) // the guest starts while people read
	}
	run := func() error {
		ran = true
		return j.prove(ctx, j.claims[at])
	}
	present(0)
	for {
		hint := j.words.prompt
		if ran {
			hint = j.words.promptDone
		}
		show.ask(fmt.Sprintf("%s  %s  ", j.claims[at].Number, hint))
		key, err := keys.next(ctx)
		show.answered()
		if err != nil {
			return err
		}
		switch key {
		case keyNext:
			if !ran {
				err = run()
			} else if at+1 < len(j.claims) {
				present(at + 1)
			} else {
				return nil
			}
		case keyBack:
			present(max(at-1, 0))
		case keyRepeat:
			err = run()
		case keyQuit:
			return nil
		case keyHelp:
			show.print(margin, "", strings.Split(j.words.help, "\n"))
		default: // where to
			if i, ok := lookUp(j.claims, key); ok {
				present(i)
			} else {
				show.say(margin, "", fmt.Sprintf(j.words.noSuch, key))
			}
		}
		if err != nil {
			return err
		}
	}
}

// ask shows the prompt, and stays on its line when it is a terminal's.
func (p *people) ask(prompt string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprint(p.out, p.style(dim, firstColumns(prompt, p.width-8)))
	if !p.terminal {
		fmt.Fprintln(p.out)
	}
}

// prompt echoes a number as it is typed.
func (p *people) prompt(typed string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprint(p.out, typed)
}

// answered takes the prompt away again.
func (p *people) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// clear gives a claim an empty screen.
func (p *people) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.out, "\x1b[2J\x1b[H")
	}
}
