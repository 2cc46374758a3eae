package main

import (
	"fmt"
	"time"

	"mydocker.example/shared/proof"
)

// quota: 50 ms of processor time in every 100 ms, and not one more.
var quota = proof.Proof{
	ID: "quota",
	Guest: func(r *proof.Report) error {
		for i, limit := range []string{"max 100000", "50000 100000"} {
			g, err := newGroup(top, "hog")
			if err != nil {
				return err
			}
			defer g.remove()
			if err := tell(r, g, "cpu.max", limit); err != nil {
				return err
			}
			hog, err := start(g, "hog")
			if err != nil {
				return err
			}
			defer hog.kill()
			time.Sleep(300 * time.Millisecond) // it starts, and a period begins
			wanted, within := int64(100), int64(25)
			if i > 0 {
				wanted, within = 50, 5
			}
			closest, err := closestTo(g, wanted, within)
			if err != nil {
				return err
			}
			r.Sawf(fmt.Sprintf("percent-%d", i+1), "usage_usec of hog/cpu.stat over 1.5 s, % of a processor", "%d", closest)
			if err := showField(r, fmt.Sprintf("throttled-%d", i+1), g, "cpu.stat", "nr_throttled"); err != nil {
				return err
			}
			g.remove()
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(s.Int("percent-1") >= 75, "without a quota it got %d%% only", s.Int("percent-1"))
		s.Equal("throttled-1", "0")
		s.Check(s.Int("percent-2") >= 45 && s.Int("percent-2") <= 55, "%d%% of a processor, and 50%% were granted", s.Int("percent-2"))
		s.Check(s.Int("throttled-2") >= 5, "throttled in %d periods only", s.Int("throttled-2"))
	},
}

// A bill is what groups have used at one moment.
type bill struct {
	at   time.Time
	used []int64
}

// stretches reads cpu.stat of groups again and again, and gives to enough what each has used
// in the last while, in % of a processor, until that is content or 8 s are over. An emulated
// processor that the host takes away for a moment looks busy meanwhile, or comes late: one
// measurement proves little, but stretches overlap, and a limit that does not hold fails all.
func stretches(while time.Duration, enough func(percent []int64) bool, groups ...group) error {
	var all []bill
	for begin := time.Now(); time.Since(begin) < 8*time.Second; time.Sleep(100 * time.Millisecond) {
		now := bill{at: time.Now()}
		for _, g := range groups {
			used, err := g.field("cpu.stat", "usage_usec")
			if err != nil {
				return err
			}
			now.used = append(now.used, used)
		}
		all = append(all, now)
		for len(all) > 1 && now.at.Sub(all[1].at) >= while {
			all = all[1:]
		}
		wall := now.at.Sub(all[0].at)
		if wall < while {
			continue
		}
		var percent []int64
		for i, used := range now.used {
			percent = append(percent, 100*(used-all[0].used[i])/wall.Microseconds())
		}
		if enough(percent) {
			return nil
		}
	}
	return nil
}

// closestTo looks for the stretch in which the group used what it should, or nearly.
func closestTo(g group, wanted, within int64) (closest int64, err error) {
	away := func(percent int64) int64 { return max(percent-wanted, wanted-percent) }
	closest = 1000
	err = stretches(1500*time.Millisecond, func(percent []int64) bool {
		if away(percent[0]) < away(closest) {
			closest = percent[0]
		}
		return away(closest) <= within
	}, g)
	return closest, err
}

// divided looks for the stretch in which two groups got their parts, or the last.
func divided(light, heavy group) (mine, theirs int64, err error) {
	err = stretches(2*time.Second, func(percent []int64) bool {
		mine, theirs = percent[0], percent[1]
		return asWeighed(mine, theirs)
	}, light, heavy)
	return mine, theirs, err
}

// asWeighed: 300 to 100 should be three to one; by heads it would be one to three.
func asWeighed(light, heavy int64) bool { return 2*heavy >= 3*light }

// usage is how much processor time a group uses, measured over a while.
func usage(g group, over time.Duration) (used, wall time.Duration, err error) {
	before, err := g.field("cpu.stat", "usage_usec")
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	time.Sleep(over)
	after, err := g.field("cpu.stat", "usage_usec")
	return time.Duration(after-before) * time.Microsecond, time.Since(begin), err
}

// weight: how a processor is divided when everybody wants it, and when not.
var weight = proof.Proof{
	ID: "weight",
	Guest: func(r *proof.Report) error {
		light, err := newGroup(top, "light")
		if err != nil {
			return err
		}
		defer light.remove()
		heavy, err := newGroup(top, "heavy")
		if err != nil {
			return err
		}
		defer heavy.remove()
		if err := show(r, "light", light, "cpu.weight"); err != nil {
			return err
		}
		if err := tell(r, heavy, "cpu.weight", "300"); err != nil {
			return err
		}
		r.Note("One hog in light, alone on processor 0; then three there, and one in heavy.",
			"Сначала один в light, на процессоре 0 больше никого; потом там трое, и один в heavy.")
		first, err := start(light, "hog", "0")
		if err != nil {
			return err
		}
		defer first.kill()
		time.Sleep(300 * time.Millisecond)
		alone, wall, err := usage(light, time.Second)
		if err != nil {
			return err
		}
		r.Sawf("alone", "usage_usec of light, % of a processor", "%d", 100*alone/wall)
		for _, g := range []group{light, light, heavy} {
			hog, err := start(g, "hog", "0")
			if err != nil {
				return err
			}
			defer hog.kill()
		}
		mine, theirs, err := divided(light, heavy)
		if err != nil {
			return err
		}
		r.Sawf("light-share", "usage_usec of light, % of a processor", "%d", mine)
		r.Sawf("heavy-share", "usage_usec of heavy, % of a processor", "%d", theirs)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("light", "100")
		s.Check(s.Int("alone") >= 70, "alone, it got %d%%", s.Int("alone"))
		light, heavy := s.Int("light-share"), s.Int("heavy-share")
		s.Check(asWeighed(light, heavy), "weights 100 and 300, and the shares are %d%% and %d%%", light, heavy)
	},
}
