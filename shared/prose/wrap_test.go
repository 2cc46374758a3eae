package prose

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrap(t *testing.T) {
	require.Equal(t, []string{"Ядро бережёт init", "такого"}, Wrap("Ядро бережёт init такого", 20, ""))
	require.Equal(t, []string{"aaaaaaaaaaaaaaaaaaaa", "  bbb"}, Wrap("aaaaaaaaaaaaaaaaaaaa bbb", 20, "  "))
	require.Equal(t, []string{"x", "  " + strings.Repeat("y", 18), "  yyyyyyy z"}, Wrap("x "+strings.Repeat("y", 25)+" z", 20, "  "))
	require.Equal(t, []string{""}, Wrap("", 20, ""))
	require.Equal(t, 6, Columns("за\u0301мок!"))
}

func TestPrintable(t *testing.T) {
	require.Equal(t, `sh -c x`, Printable("sh\x00-c\x00x\x00"))
	require.Equal(t, `\x1b[2J\x07 a  b`, Printable("\x1b[2J\a a\tb\n"))
	require.Equal(t, `\xff\xfe`, Printable("\xff\xfe"))
	require.Equal(t, "Привет → \uFFFD", Printable("Привет → \uFFFD"))
}
