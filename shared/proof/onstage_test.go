package proof

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mydocker.example/shared/internal/stage"
	"mydocker.example/shared/prose"
)

var escape = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// Every page of every claim of the course fits a screen of each size, with its foot.
func TestEveryClaimFitsItsScreen(t *testing.T) {
	readmes, err := filepath.Glob("../../lessons/*/README*.md")
	require.NoError(t, err)
	if len(readmes) == 0 {
		t.Skip("the lessons are not here")
	}
	for _, readme := range readmes {
		text, err := os.ReadFile(readme)
		require.NoError(t, err)
		sections, err := prose.Parse(text)
		require.NoError(t, err)
		var claims []claim
		for _, s := range sections {
			claims = append(claims, claim{Section: s, proof: &Proof{ID: s.ID}})
		}
		lang := "en"
		if strings.HasSuffix(readme, ".ru.md") {
			lang = "ru"
		}
		for _, size := range [][2]int{{80, 24}, {120, 36}, {60, 20}} {
			var out bytes.Buffer
			s := newOnStage(stage.NewScreenOn(&out, size[0], size[1]), settings{lang: lang}, inLanguage(lang), claims)
			s.plan = stage.NewPlan(time.Hour, make([]int, len(claims)))
			for i := range claims {
				s.take(i)
				for more := true; more; s.view++ {
					out.Reset()
					s.draw()
					s.foot("")
					more = s.view+1 < s.count
					rows := strings.Split(escape.ReplaceAllString(out.String(), ""), "\n")
					require.LessOrEqual(t, len(rows), size[1], "%s %s at %v:\n%s", readme, claims[i].ID, size, out.String())
					for _, row := range rows {
						require.Less(t, prose.Columns(strings.TrimPrefix(row, "\r")), size[0], "%s %s at %v", readme, claims[i].ID, size)
					}
				}
			}
		}
	}
}

// What was told is told again when the screen is drawn anew, in lines of its new width.
func TestDrawnAgain(t *testing.T) {
	var out bytes.Buffer
	screen := stage.NewScreenOn(&out, 80, 24)
	body := "Its text." + strings.Repeat(" It is long.", 110) + " The end."
	c := claim{Section: prose.Section{Number: "9.1", ID: "holds", Title: "About `holds`", Body: body}, proof: &Proof{}}
	s := newOnStage(screen, settings{lang: "en"}, &english, []claim{c})
	s.bare = true
	s.present(0)
	screen.Width = 40
	s.draw()
	s.turn()
	require.Equal(t, 3, s.count)
	s.turn()
	require.Contains(t, out.String(), "The end.")
	screen.Width = 80
	s.draw() // there are fewer pages now
	require.Equal(t, s.count-1, s.view)

	stop := s.run()
	s.event(c, event{Type: typeFact, Question: "a question that is rather long", Answer: "an answer that is rather long"})
	s.verdict(c, verdict{})
	stop()
	require.True(t, s.ran)

	out.Reset()
	screen.Width = 40
	s.draw()
	require.Equal(t, "9.1 holds                        1 of 1\n\n  About holds\n\n  a question that is rather long\n    → an answer that is rather long\n\n  PROVED\n",
		escape.ReplaceAllString(out.String(), ""))
	out.Reset()
	s.turn()
	require.Contains(t, out.String(), "Its text.")
	require.NotContains(t, out.String(), "PROVED")
	for range s.count {
		s.turn()
	}
	require.Contains(t, out.String(), "PROVED")

	for len(out.String()) < 3000 { // more than a screen: the claim comes again below its verdict
		s.event(c, event{Type: typeFact, Question: "one", Answer: "more"})
	}
	out.Reset()
	s.verdict(c, verdict{})
	require.Contains(t, out.String(), "9.1 About holds")
}
