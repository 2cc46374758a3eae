package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/prose"
)

func TestTextsAndProofsAgree(t *testing.T) {
	require.NoError(t, proof.CheckTexts(lesson))
}

// The table in the texts is what the program works out.
func TestTheTextsHaveTheBill(t *testing.T) {
	for _, lang := range []string{"en", "ru"} {
		text, err := texts.ReadFile(prose.File("README.md", lang))
		require.NoError(t, err)
		assert.Contains(t, string(text), "```text\n"+usual.table()+"\n```\n", lang)
	}
}

func TestBill(t *testing.T) {
	in := inputs{services: 10, load: 0.1, memory: 8, machineMemory: 32, full: 0.5, spare: 1,
		idle: 100, busy: 200, pue: 1, price: 500, years: 5, kWh: 1, guestMemory: 8, guestLoad: 1}
	alone := in.separate()
	assert.Equal(t, 10, alone.machines)
	assert.InDelta(t, 0.1, alone.utilization, 1e-9)
	assert.InDelta(t, 1.1, alone.power, 1e-9) // 10 × (100 + 100 × 0.1) W
	assert.InDelta(t, 1.1*8760, alone.energy, 1e-6)
	assert.InDelta(t, 1000, alone.hardware, 1e-9)

	// One processor of work, half of each used: 2. 80 GiB, 16 of each used: 5. And a spare.
	assert.Equal(t, 6, in.containers().machines)
	// 160 GiB of 16 each: 10, and a spare: that is no better than to stay apart.
	assert.Equal(t, 11, in.virtual().machines)
	// With little memory the processor decides: one of work, half of each used, and a spare.
	in.memory = 0.1
	assert.Equal(t, 3, in.containers().machines)
}

func TestCpio(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	require.NoError(t, os.WriteFile(path, []byte("hello"), 0o644))
	archive, err := cpio(map[string]string{"init": path})
	require.NoError(t, err)
	assert.Zero(t, len(archive)%4)
	assert.True(t, strings.HasPrefix(string(archive), "07070100000001000081ED"), "mode 0100755")
	// The header is 110 bytes; with the name and its zero, 115; padded, 116.
	assert.Equal(t, "init\x00\x00hello\x00\x00\x00070701", string(archive[110:130]))
	assert.Contains(t, string(archive), "TRAILER!!!\x00")

	_, err = cpio(map[string]string{"init": filepath.Join(dir, "none")})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestReleaseIn(t *testing.T) {
	release, err := releaseIn([]byte("\x00Linux version 6.12.9-x (gcc) #1\x00"))
	require.NoError(t, err)
	assert.Equal(t, "6.12.9-x", release)

	packed := make([]byte, 0x20000)
	copy(packed[0x202:], "HdrS")
	packed[0x20f] = 0x10 // 0x1000, from 0x200
	copy(packed[0x1200:], "6.1.0-y (builder@host) #1")
	release, err = releaseIn(packed)
	require.NoError(t, err)
	assert.Equal(t, "6.1.0-y", release)

	_, err = releaseIn([]byte("something else"))
	assert.Error(t, err)
}

func TestGreeting(t *testing.T) {
	said := greeting.FindStringSubmatch("\x1b[?7lHello, ABC! I am process 1 on Linux 6.12.9-x with 212 MiB of memory; around me: dev init root.")
	assert.Equal(t, []string{"ABC", "1", "6.12.9-x", "212", "dev init root"}, said[1:])
}

func TestCharts(t *testing.T) {
	all := []*method{
		{en: "process", took: []time.Duration{time.Millisecond}, memory: []int64{1024}},
		{en: "machine", took: []time.Duration{time.Second, time.Second, time.Hour}, memory: []int64{100 << 10}},
	}
	assert.Equal(t, `process            █ 1.0 ms
machine            ████████████████████████████████████ 1000.0 ms
                   1           10          100         1000`, bars(all, "ms", (*method).millis))

	dec := xml.NewDecoder(strings.NewReader(drawing(all, "en")))
	rects := 0
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			rects++
		}
	}
	assert.Equal(t, 1+2*len(all), rects, "the ground, and a bar for each value")
}
