package lay

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlain(t *testing.T) {
	for md, want := range map[string]string{
		"a `code` b":                          "a code b",
		"**strong** and *soft* and `*`":       "strong and soft and *",
		"2 * 3 * 4, a*b*c":                    "2 * 3 * 4, a*b*c",
		"see [the page](https://x.example/y)": "see the page",
		"![picture](a.svg)":                   "",
		"line<br>more, a < b":                 "line more, a < b",
		"`<pid>` and `**argv`":                "<pid> and **argv",
		"snake_case_name":                     "snake_case_name",
	} {
		require.Equal(t, want, Plain(md), md)
	}
}

func TestTerminal(t *testing.T) {
	md := "First line\nof a paragraph that is long.\n\n<!-- left\nout -->\n- an item that goes on and on\n  here\n- two\n\n```console\n$ ls   -l a-line-that-is-longer-than-the-width\n```\n\n```mermaid\ngraph TD\n```\n\n#### Heading\n> quoted\n\n| a | `b` |\n\n\n"
	require.Equal(t, []string{
		"First line of a", "paragraph that is", "long.", "",
		"- an item that goes", "  on and on here", "- two", "",
		"  $ ls   -l a-line-that-is-longer-than-the-width", "",
		"Heading", "quoted", "", "| a | b |",
	}, Markdown(md, 20))
}

func TestCut(t *testing.T) {
	require.Equal(t, "pivot_root", Cut("pivot_root", 10))
	require.Equal(t, "pivot_ro…", Cut("pivot_root", 9))
	require.Equal(t, "в своём…", Cut("в своём пространстве", 9))
	require.Equal(t, "…", Cut("pivot_root", 0))
}

func TestScreen(t *testing.T) {
	md := "Text.\n\n| | chroot(2) | pivot_root(2) |\n|---|---|---|\n| changes | the root of a process | the root mount |\n\n```console\n$ ls a-line-that-is-longer-than-the-width\n```\n"
	require.Equal(t, []string{
		"Text.", "", "chroot(2) · pivot_root(2)", "changes · the root of a", "    process · the root mount", "",
		"$ ls", "a-line-that-is-longer-than-t", "he-width",
	}, Screen(md, 28))
}
