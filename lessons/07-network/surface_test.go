package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/seccomp"
)

func TestCountWindows(t *testing.T) {
	assert.Equal(t, 4, countWindows(`0000-0cf7 : PCI Bus 0000:00
  0020-0021 : pic1
  0600-067f : 0000:00:1f.0
    0600-0603 : ACPI PM1a_EVT_BLK
    0604-0605 : ACPI PM1a_CNT_BLK
0cf8-0cff : PCI conf1
0d00-ffff : PCI Bus 0000:00
  c000-c07f : 0000:00:02.0
`))
	assert.Equal(t, 2, countWindows(`00001000-0009fbff : System RAM
000a0000-000bffff : Reserved
  000f0000-000fffff : System ROM
01000000-3fffffff : System RAM
  01000000-01ffffff : Kernel code
c0000000-febfffff : PCI Bus 0000:00
  febe8000-febebfff : 0000:00:01.0
    febe8000-febebfff : virtio-pci-modern
fed00000-fed003ff : HPET 0
  fed00000-fed003ff : PNP0103:00
`))
}

func TestChart(t *testing.T) {
	assert.Equal(t, "process    ████████████████████████████████████ 360 calls\nVM         █ 1 windows",
		chartOf([]doorBar{{"process", 360, "calls"}, {"VM", 1, "windows"}}))
}

// The filter that counts lets pass what the default one does, and has one word for no.
func TestCountingFilter(t *testing.T) {
	f := countingFilter()
	for _, rule := range f.Rules {
		assert.Contains(t, []seccomp.Action{seccomp.Allow, seccomp.Errno(refusal)}, rule.Do)
	}
	assert.Equal(t, seccomp.Errno(refusal), f.Otherwise)
	_, err := f.Assemble()
	require.NoError(t, err)
}

func TestReached(t *testing.T) {
	assert.Equal(t, 2, reached([]byte{answered, nothing, 0, refused}))
	assert.Equal(t, 1, reached([]byte{refused}))
}

func TestPanicLine(t *testing.T) {
	assert.Equal(t, "Kernel panic - not syncing: sysrq triggered crash",
		panicLine("[   12.3] sysrq: Trigger a crash\n[   12.4] Kernel panic - not syncing: sysrq triggered crash\nCPU: 0"))
	assert.Equal(t, "no panic", panicLine("all is well"))
}
