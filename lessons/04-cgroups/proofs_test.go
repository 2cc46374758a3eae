package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/proof"
)

func TestTextsAndProofsAgree(t *testing.T) {
	require.NoError(t, proof.CheckTexts(lesson))
}

func TestParseField(t *testing.T) {
	const events = "low 0\nhigh 12\noom 1\noom_kill 2\n"
	n, err := parseField(strings.NewReader(events), "oom")
	require.NoError(t, err)
	assert.Equal(t, int64(1), n, "the beginning of a name is not the name")

	_, err = parseField(strings.NewReader(events), "max")
	assert.Error(t, err)
}

func TestParsePopulation(t *testing.T) {
	assert.Equal(t, 97, parsePopulation("0.00 0.01 0.05 1/97 4711\n"))
	assert.Equal(t, 0, parsePopulation("nonsense"))
}

func TestParseCPUs(t *testing.T) {
	for list, want := range map[string]int{"0": 1, "0-1": 2, "0-3,8,10-11": 7} {
		n, err := parseCPUs(list)
		require.NoError(t, err)
		assert.Equal(t, want, n, list)
	}
	_, err := parseCPUs("all")
	assert.Error(t, err)
}

func TestParseStat(t *testing.T) {
	name, fields := parseStat("4711 (a (strange) name) S 1 4711\n")
	assert.Equal(t, "a (strange) name", name)
	assert.Equal(t, []string{"S", "1", "4711"}, fields)

	_, fields = parseStat("no stat")
	assert.Empty(t, fields)
}

func TestChart(t *testing.T) {
	ms := time.Millisecond
	assert.Equal(t, "▁▂█×  median 5.0 ms, longest 2000.0 ms, never 1", chart([]time.Duration{ms, 5 * ms, 2000 * ms, -1}))

	many := make([]time.Duration, 100)
	many[50] = 2000 * ms
	drawn, _, _ := strings.Cut(chart(many), " ")
	assert.LessOrEqual(t, len([]rune(drawn)), 40)
	assert.Contains(t, drawn, "█", "the worst is not thinned out")
}
