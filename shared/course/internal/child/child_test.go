package child

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestOffline(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no network namespaces")
	}
	cmd := Command(t.Context(), "cat", "/proc/net/dev")
	Offline(cmd)
	out, err := cmd.Output()
	if errors.Is(err, unix.EPERM) {
		t.Skip("no namespace may be made here")
	}
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(out), "lo:"), "the loopback of its own")
	assert.Equal(t, 3, strings.Count(string(out), "\n"), "two lines of headings, and no other interface:\n"+string(out))
}
