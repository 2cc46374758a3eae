package seal

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOpen(t *testing.T) {
	key := NewKey()
	w := Writer{Key: key}
	one, two := w.Line([]byte(`{"a":1}`)), w.Line([]byte(`{"b":2}`))
	stranger := Writer{Key: NewKey()}
	for name, c := range map[string]struct {
		text   []byte
		lines  int
		forged bool
	}{
		"nothing":          {nil, 0, false},
		"both":             {slices.Concat(one, two), 2, false},
		"cut off":          {slices.Concat(one, two[:len(two)-1]), 1, false},
		"other order":      {slices.Concat(two, one), 0, true},
		"said twice":       {slices.Concat(one, one), 1, true},
		"without a seal":   {slices.Concat(one, []byte("{\"b\":2}\n")), 1, true},
		"a stranger's":     {stranger.Line([]byte(`{"a":1}`)), 0, true},
		"changed":          {append(slices.Clone(one[:len(one)-2]), "]\n"...), 0, true},
		"after the others": {slices.Concat(one, two, []byte("x\n")), 2, true},
	} {
		lines, forged := key.Open(c.text)
		assert.Len(t, lines, c.lines, name)
		assert.Equal(t, c.forged, forged, name)
	}
}
