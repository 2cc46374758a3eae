package prose

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tick writes ` for us: a Go raw string cannot hold one.
func tick(s string) []byte { return []byte(strings.ReplaceAll(s, "'", "`")) }

func TestProofs(t *testing.T) {
	for lang, text := range map[string]string{
		"en": "# Lesson\n\n### Proof 1.1 'fork': A child is a copy\nFirst.\n\n#### Detail\nMore.\n\n### Another heading\nNot mine.\n### Proof 1.2 'orphan-2': A `title` (with 3 things): and more\nSecond.\n## Practice\nNot mine.\n",
		"ru": "# Урок\n\n### Доказательство 1.1 'fork': A child is a copy\r\nFirst.\r\n\n#### Detail\nMore.\n\n### Другой\nNot mine.\n### Доказательство 1.2 'orphan-2': A `title` (with 3 things): and more\nSecond.\n## Практика\nNot mine.\n",
	} {
		got, err := Parse(tick(text))
		require.NoError(t, err, lang)
		require.Equal(t, []Section{
			{Kind: "proof", Number: "1.1", ID: "fork", Title: "A child is a copy", Body: "First.\n\n#### Detail\nMore.",
				After: map[string]string{"en": "### Another heading\nNot mine.", "ru": "### Другой\nNot mine."}[lang]},
			{Kind: "proof", Number: "1.2", ID: "orphan-2", Title: "A `title` (with 3 things): and more", Body: "Second.",
				After: map[string]string{"en": "## Practice\nNot mine.", "ru": "## Практика\nNot mine."}[lang]},
		}, got, lang)
	}
}

func TestTasksAndHints(t *testing.T) {
	for lang, text := range map[string]string{
		"en": "### Task 1.1 'ps' (1 point): List\nDo.\n\n<details><summary>Hint 1</summary>\n\nLook.\n\n'''\n</details>\n'''\n\n</details>\n\n<details><summary>Hint 2</summary>\n\nCloser.\n\n</details>\n\n### Task 1.2 'store' (30 points): Keep\nKeep.\n",
		"ru": "### Задание 1.1 'ps' (1 балл): List\nDo.\n\n<details><summary>Подсказка 1</summary>\n\nLook.\n\n'''\n</details>\n'''\n\n</details>\n\n<details><summary>Подсказка 2</summary>\n\nCloser.\n\n</details>\n\n### Задание 1.2 'store' (30 баллов): Keep\nKeep.\n",
	} {
		got, err := Parse(tick(text))
		require.NoError(t, err, lang)
		require.Equal(t, []Section{
			{Kind: "task", Number: "1.1", ID: "ps", Title: "List", Body: "Do.", Points: 1,
				Hints: []string{"Look.\n\n```\n</details>\n```", "Closer."}},
			{Kind: "task", Number: "1.2", ID: "store", Title: "Keep", Body: "Keep.", Points: 30},
		}, got, lang)
	}
}

func TestFencesHideHeadings(t *testing.T) {
	got, err := Parse(tick("### Proof 1.1 'a': T\nText.\n````md\n### Proof 1.2 'b': U\n'''\n# comment\n````\n~~~console\n# root prompt\n~~~\nEnd.\n"))
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.True(t, strings.HasSuffix(got[0].Body, "~~~\nEnd."), got[0].Body)
}

func TestWhatIsRefused(t *testing.T) {
	for text, reason := range map[string]string{
		"### Proof 1.1 fork: T\n":                                           "line 1: not a numbered heading",
		"\n### Proof 1.1 'fork' T\n":                                        "line 2: not a numbered heading",
		"### Proof 1.1 'fork' (3 points): T\n":                              "a task has points and a proof has none",
		"### Task 1.1 'fork': T\n":                                          "a task has points and a proof has none",
		"### Proof 1.1 'a': T\n### Proof 1.1 'b': T\n":                      "proof 1.1 is there twice",
		"### Proof 1.1 'a': T\n### Proof 1.2 'a': T\n":                      "proof a is there twice",
		"### Task 1.1 'a' (1 point): T\n<details><summary>Hint 1</summary>": "task 1.1: hint 1 is not closed",
		"### Task 1.1 'a' (1 point): T\n<details><summary>Hint 2</summary>": "hint 2 stands where hint 1 is due",
	} {
		_, err := Parse(tick(text))
		require.ErrorContains(t, err, reason, text)
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]Times{
		"# L\n\n**Time**: about 70 minutes to read, two minutes for the proofs to run, 5 hours.": {70, 2, false},
		"**Time**: about 65 minutes to read, under a minute for the proofs to run.":              {65, 1, true},
		"**Time**: about 50 minutes to read, a minute for the proofs to run.":                    {50, 1, false},
		"**Время**: минут 70 на чтение, две минуты на доказательства, 5 часов.":                  {70, 2, false},
		"**Время**: минут 65 на чтение, меньше минуты на доказательства.":                        {65, 1, true},
		"**Время**: минут 90 на чтение, 12 минут на доказательства.":                             {90, 12, false},
	} {
		got, ok := ReadTimes([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	_, ok := ReadTimes([]byte("# Lesson\nwithout times"))
	require.False(t, ok)
}

func TestLang(t *testing.T) {
	for _, c := range []struct{ course, all, messages, lang, want string }{
		{"", "", "", "", "en"},
		{"ru", "", "", "en_US.UTF-8", "ru"},
		{"en", "", "", "ru_RU.UTF-8", "en"},
		{"", "", "", "ru_RU.UTF-8", "ru"},
		{"", "", "ru_RU", "C", "ru"},
		{"", "C", "ru_RU", "ru_RU", "en"},
		{"", "de_DE", "", "", "en"},
	} {
		t.Setenv("COURSE_LANG", c.course)
		t.Setenv("LC_ALL", c.all)
		t.Setenv("LC_MESSAGES", c.messages)
		t.Setenv("LANG", c.lang)
		require.Equal(t, c.want, Lang(), "%+v", c)
	}
	require.Equal(t, "README.md", File("README.md", "en"))
	require.Equal(t, "README.ru.md", File("README.md", "ru"))
}
