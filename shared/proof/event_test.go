package proof

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

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
