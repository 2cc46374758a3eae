package proof

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// story is what happened on the stage, in order: titles shown, verdicts reached.
func story(out string) string {
	words := regexp.MustCompile(`(?m)^(9\.\d+) [a-z-]+(?:: .*| +\d+ of \d+)$|^  (PROVED|REFUTED)$|^  (no such proof: .*)$|^  (q) +quit`)
	var told []string
	for _, m := range words.FindAllStringSubmatch(out, -1) {
		told = append(told, strings.Join(m[1:], ""))
	}
	return strings.Join(told, " ")
}

func TestStageByPipe(t *testing.T) {
	const only = "ONLY=holds,does-not-hold,attack"
	for typed, want := range map[string]string{
		"":                        "9.1",
		"\n":                      "9.1 PROVED",
		"\n\n\n":                  "9.1 PROVED 9.2 REFUTED",
		"\n\n\nb\n\n":             "9.1 PROVED 9.2 REFUTED 9.1 PROVED",
		"\nr\nr\n":                "9.1 PROVED PROVED PROVED",
		"3\n\n\n":                 "9.1 9.10 PROVED",
		"9.2\n9.10\nholds\nq\n\n": "9.1 9.2 9.10 9.1",
		"7\n?\nb\n":               "9.1 no such proof: 7 q 9.1",
		"\n\n\n\n\n\n\n":          "9.1 PROVED 9.2 REFUTED 9.10 PROVED",
	} {
		out, code := lesson(t, typed, "STEP=1", only)
		require.Equal(t, want, story(out), "%q", typed)
		require.Equal(t, strings.Contains(want, "REFUTED"), code == exitRefuted, "%q", typed)
	}
}

func TestStageAndJSON(t *testing.T) {
	out, code := lesson(t, "", "STEP=1", "JSON=1")
	require.Contains(t, out, "STEP and JSON exclude one another")
	require.Equal(t, exitUsage, code)
}
