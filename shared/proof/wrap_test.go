package proof

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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
		require.Equal(t, want, plain(md), md)
	}
}

func TestTerminal(t *testing.T) {
	md := "First line\nof a paragraph that is long.\n\n<!-- left\nout -->\n- an item that goes on and on\n  here\n- two\n\n```console\n$ ls   -l a-line-that-is-longer-than-the-width\n```\n\n```mermaid\ngraph TD\n```\n\n#### Heading\n> quoted\n\n| a | `b` |\n\n\n"
	require.Equal(t, []string{
		"First line of a", "paragraph that is", "long.", "",
		"- an item that goes", "  on and on here", "- two", "",
		"  $ ls   -l a-line-that-is-longer-than-the-width", "",
		"Heading", "quoted", "", "| a | b |",
	}, terminal(md, 20))
}

func TestFault(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Text: "odd"}, "odd"},
		{Fault{Text: "open /x: permission denied", Errno: unix.EACCES, Name: "EACCES"}, "open /x: EACCES: permission denied"},
		{Fault{Text: "no luck", Errno: unix.EPERM, Name: "EPERM"}, "no luck (EPERM: operation not permitted)"},
	} {
		require.Equal(t, c.want, c.fault.String())
	}
}
