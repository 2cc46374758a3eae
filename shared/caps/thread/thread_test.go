package thread

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/labtest"
)

// onThread runs do on a thread of its own, which ends with it.
func onThread(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: what do gave up stays with this thread
		do()
	}()
	<-done
}

func TestLimit(t *testing.T) {
	labtest.NeedRoot(t)
	onThread(func() {
		assert.NoError(t, Limit(caps.Docker))
		assert.NoError(t, NoNewPrivs())
		now, err := caps.Thread()
		assert.NoError(t, err)
		assert.Equal(t, caps.Sets{Permitted: caps.Docker, Effective: caps.Docker, Bounding: caps.Docker}, now)

		assert.NoError(t, Limit(caps.Of(unix.CAP_KILL)), "less is always possible")
		err = Limit(caps.Of(unix.CAP_KILL, unix.CAP_CHOWN))
		assert.ErrorIs(t, err, ErrMissing)
		assert.ErrorIs(t, err, unix.EPERM)
		assert.ErrorContains(t, err, "CAP_CHOWN")

		// SETPCAP is gone: the bounding set can be emptied no more.
		assert.ErrorIs(t, Limit(0), unix.EPERM)
	})
	now, err := caps.Thread()
	require.NoError(t, err)
	assert.NotEqual(t, caps.Docker, now.Effective, "only the one thread has given something up")
}
