package proof

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestCheckTexts(t *testing.T) {
	require.NoError(t, CheckTexts(fakeLesson()))

	guest := func(*Report) error { return nil }
	lesson := func(en, ru string, ids ...string) Lesson {
		l := Lesson{Number: 1, Texts: fstest.MapFS{
			"README.md":    {Data: []byte(strings.ReplaceAll(en, "'", "`"))},
			"README.ru.md": {Data: []byte(strings.ReplaceAll(ru, "'", "`"))},
		}}
		for _, id := range ids {
			l.Proofs = append(l.Proofs, Proof{ID: id, Guest: guest})
		}
		return l
	}
	const (
		a  = "### Proof 1.1 'a': A\n"
		b  = "### Proof 1.2 'b': B\n"
		ra = "### Доказательство 1.1 'a': A\n"
		rb = "### Доказательство 1.2 'b': B\n"
	)
	require.NoError(t, CheckTexts(lesson(a+b, ra+rb, "a", "b")))
	for _, c := range []struct {
		lesson Lesson
		says   string
	}{
		{lesson(a+b, ra, "a", "b"), "README.ru.md: proof `b` of the code is missing"},
		{lesson(a, ra+rb, "a"), "README.ru.md: proof 1.2 `b` is not in the code"},
		{lesson(a+b, ra+rb, "b", "a"), "README.md: the order is a b; the code's is b a"},
		{lesson(a+strings.Replace(b, "1.2", "1.3", 1), ra+rb, "a", "b"), "README.md: proof `b` has number 1.3, and 1.2 is due"},
		{lesson(strings.Replace(a, "'a':", "'a'", 1), ra, "a"), "README.md: line 1: not a numbered heading"},
		{lesson(a, ra, "a", "a"), "the code has proof a twice"},
		{Lesson{Texts: fstest.MapFS{}}, "README.md"},
		{Lesson{Texts: fakeTexts(nil), Proofs: []Proof{{ID: "x"}}}, "proof x: neither Guest nor Attack"},
		{Lesson{Texts: fakeTexts(nil), Proofs: []Proof{{ID: "x", Attack: &Attack{Run: func(*Attacker) error { return nil }}}}}, "proof x: an attack without Errno"},
	} {
		require.ErrorContains(t, CheckTexts(c.lesson), c.says)
	}
}
