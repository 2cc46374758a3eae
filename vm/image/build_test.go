package image

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"mydocker.example/vm"
)

// What the machine has or the reader gives is not downloaded.
func TestWants(t *testing.T) {
	all := []string{"guest", "kernel", "tools", "qemu"}
	for name, c := range map[string]struct {
		image, kernel, qemu string
		update              bool
		want                []string
	}{
		"nothing there":    {want: all},
		"a sound QEMU":     {qemu: "10.0.2", want: []string{"guest", "kernel", "tools"}},
		"an unsound QEMU":  {qemu: "7.2.19", want: all},
		"a kernel":         {kernel: "/vmlinuz", want: []string{"guest", "tools", "qemu"}},
		"an image":         {image: "/image", want: []string{"qemu"}},
		"all of it":        {image: "/image", kernel: "/vmlinuz", qemu: "9.0", want: []string{}},
		"to write a lock":  {image: "/image", qemu: "10.0.2", update: true, want: all},
		"a version of git": {qemu: "10.1.0-rc2", want: []string{"guest", "kernel", "tools"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LAB_IMAGE", c.image)
			t.Setenv("LAB_KERNEL", c.kernel)
			b := &builder{update: c.update}
			assert.Equal(t, c.want, b.wants(vm.QEMU{Version: c.qemu}))
		})
	}
}
