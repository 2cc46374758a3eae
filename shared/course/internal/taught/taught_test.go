package taught

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRefused(t *testing.T) {
	imports := []string{"fmt", "golang.org/x/sys/unix", shared + "undo", shared + "rootfs", shared + "course/internal/tree", shared + "nowhere", "mydocker.example/solutions/03-filesystem"}
	assert.Equal(t, []Refusal{
		{shared + "rootfs", 4},
		{shared + "course/internal/tree", -1},
		{shared + "nowhere", -1},
		{"mydocker.example/solutions/03-filesystem", -1},
	}, Refused(3, imports))
	assert.Len(t, Refused(4, imports), 3, "rootfs is taught in 03")
}

func TestModule(t *testing.T) {
	assert.True(t, Module("golang.org/x/sys"))
	assert.False(t, Module("github.com/opencontainers/runc"))
}
