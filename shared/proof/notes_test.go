package proof

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"mydocker.example/shared/internal/stage"
	"mydocker.example/shared/prose"
)

const noted = `# Lesson

**Time**: about 60 minutes to read and to type the practice, a minute for the proofs to run.

## What goes wrong

one two three

### Proof 9.1 ` + "`holds`" + `: About holds

four five <!-- speaker: draw it
first --> six

### Practice

` + "```console\n$ ls /\nbin\n$ ps\n```" + `

## Chapter

seven eight nine ten

### Proof 9.2 ` + "`errno`" + `: About errno

eleven

## End

and much more that is not about a claim
`

func notedClaims(t *testing.T) (Lesson, []claim) {
	l := Lesson{Number: 9, Name: "09-fake", Texts: fstest.MapFS{"README.md": {Data: []byte(noted)}},
		Proofs: []Proof{{ID: "holds"}, {ID: "errno"}}}
	_, claims, err := readClaims(l, "en")
	require.NoError(t, err)
	return l, claims
}

// The minutes of the text go to the claims by what there is to say, also when only some are chosen.
func TestSchedule(t *testing.T) {
	l, claims := notedClaims(t)
	plan := schedule(l, "en", claims, claims, 0)
	require.Equal(t, time.Hour, plan.Total)
	require.Greater(t, plan.Shares[0], plan.Shares[1])
	require.InDelta(t, time.Hour, plan.Shares[0]+plan.Shares[1], float64(time.Second))

	part := schedule(l, "en", claims, claims[1:], 0)
	require.InDelta(t, plan.Shares[1], part.Total, float64(time.Second))
	require.Equal(t, 45*time.Minute, schedule(l, "en", claims, claims[1:], 45).Total)

	l.Texts = fstest.MapFS{"README.md": {Data: []byte("# Lesson without times")}}
	require.Zero(t, schedule(l, "en", claims, claims, 0).Total)
}

func TestWhatTheNotesTake(t *testing.T) {
	_, claims := notedClaims(t)
	md := claims[0].Body + "\n" + claims[0].After
	require.Equal(t, []string{"draw it first"}, hints(md))
	require.Equal(t, []string{"$ ls /", "$ ps"}, commands(claims[0].After))
	require.Equal(t, []string{"Practice", "Chapter"}, headings(claims[0].After))
	require.Empty(t, commands(claims[1].After))
}

func TestNotesFollow(t *testing.T) {
	l, claims := notedClaims(t)
	var out strings.Builder
	n := &speaker{lesson: l, lang: "en", claims: claims, plan: schedule(l, "en", claims, claims, 0),
		voice: stage.In("en"), words: speakersWords("en"), screen: stage.NewScreenOn(&out, 80, 24)}
	shows := func(now time.Time, words ...string) {
		t.Helper()
		out.Reset()
		n.look(l.Name, claims)
		n.draw(now)
		for _, word := range words {
			require.Contains(t, out.String(), word)
		}
		require.LessOrEqual(t, strings.Count(out.String(), "\n"), 23)
	}
	l.Name = t.TempDir() + "/stage"
	now := time.Now()
	shows(now, "waiting for lesson 09", "About holds", "! draw it first", "$ ls /", "type: STEP=1 make lesson-09 in another terminal", "plan 60 min", "next: 9.2 About errno")

	place, err := stage.Take(l.Name)
	require.NoError(t, err)
	state := stage.State{IDs: []string{"holds", "errno"}, Phase: stage.Shown, Begun: now, Since: now, Plan: n.plan}
	place.Say(state)
	shows(now, "9.1 holds  1 of 2", "type: Enter run", "60 min left of 60", "on time")
	shows(now.Add(59*time.Minute), "1 min left of 60", "min behind")

	state.At, state.Phase, state.Word = 1, stage.Done, "PROVED"
	place.Say(state)
	shows(now, "9.2 errno  2 of 2  PROVED", "type: Enter end", "60 min ahead", "this is the last one")

	state.IDs, state.At, state.Plan = []string{"errno"}, 0, stage.Plan{} // a recording of one claim
	place.Say(state)
	shows(now, "9.2 errno  1 of 1")
	place.Leave()
	shows(now, "the lesson is over")

	var paper strings.Builder
	n.claims, n.plan, n.on, n.screen = claims, schedule(l, "en", claims, claims, 0), false, &stage.Screen{}
	require.NoError(t, n.handout(&paper, "Lesson"))
	require.Contains(t, paper.String(), "Lesson\n\n9.1 holds  1 of 2  from minute 0, for ")
	require.Contains(t, paper.String(), "About errno\n\neleven\n")
	require.NotContains(t, paper.String(), "\x1b")
	for line := range strings.Lines(paper.String()) {
		require.LessOrEqual(t, prose.Columns(line), 81)
	}
}

func TestTapeSize(t *testing.T) {
	w, h, err := tapeSize("", &english)
	require.NoError(t, err)
	require.Equal(t, []int{80, 24}, []int{w, h})
	w, h, err = tapeSize("120x36", &english)
	require.NoError(t, err)
	require.Equal(t, []int{120, 36}, []int{w, h})
	for _, bad := range []string{"80", "x", "80x", "80x24x", "10x5", "-80x24", "9999x24", "80 x 24"} {
		_, _, err := tapeSize(bad, &english)
		require.ErrorContains(t, err, "SIZE="+bad)
	}
}
