package hold

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFolderIsHeldOnce(t *testing.T) {
	dir := t.TempDir()
	release, err := Dir(dir)
	require.NoError(t, err)
	_, err = Dir(dir)
	assert.Error(t, err)
	release()
	release, err = Dir(dir)
	require.NoError(t, err)
	release()
	_, err = Dir(dir + "/nowhere")
	assert.Error(t, err)
}
