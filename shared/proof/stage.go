package proof

import (
	"context"
	"os"
	"time"

	"mydocker.example/shared/internal/stage"
)

// clockStep is how often the clock is looked at while nobody presses a key.
const clockStep = 5 * time.Second

// stage is STEP=1: the lecturer decides when a proof runs and which comes next. A proof
// is first shown, then run, then left.
func (j *judge) stage(ctx context.Context, in *os.File, show *onStage) error {
	keys, restore, err := stage.Listen(in)
	if err != nil {
		return err
	}
	defer restore()
	defer show.screen.NoFoot()

	present := func(i int) {
		show.present(i)
		j.place.prepare(ctx, j.claims[i].proof) // the guest starts while people read
	}
	run := func() error {
		stop := show.run()
		err := j.prove(ctx, j.claims[show.at])
		stop()
		keys.Forget() // an impatient Enter was not meant for the next proof
		return err
	}
	present(0)
	show.foot("")
	for {
		key, err := keys.Next(ctx, clockStep)
		if err != nil {
			return err
		}
		switch key {
		case stage.Tick:
			show.tick(keys.Typed)
			continue
		case stage.Typing:
			show.typing(keys.Typed)
			continue
		case stage.Resized:
			show.draw()
			show.foot(keys.Typed)
			continue
		}
		show.heard(key)
		switch key {
		case stage.Next, stage.Space:
			if !show.ran {
				err = run()
			} else if show.at+1 < len(j.claims) {
				present(show.at + 1)
			} else {
				return nil
			}
		case stage.Back:
			present(max(show.at-1, 0))
		case stage.Repeat:
			err = run()
		case stage.Text:
			show.turn()
		case stage.Help:
			show.help = !show.help
		case stage.Quit:
			return nil
		default: // where to
			if i, ok := lookUp(j.claims, key); ok {
				present(i)
			} else {
				show.noSuch(key)
			}
		}
		if err != nil {
			return err
		}
		show.foot("")
	}
}
