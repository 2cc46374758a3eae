package carry

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMerge(t *testing.T) {
	base := Files{"same.go": []byte("a\n"), "run.go": []byte("one\ntwo\nthree\nfour\nfive\n"), "both.go": []byte("x\n"), "mechanism.go": []byte("raw\n")}
	mine := Files{"same.go": []byte("a\n"), "run.go": []byte("one of mine\ntwo\nthree\nfour\nfive\n"), "both.go": []byte("mine\n"), "mechanism.go": []byte("mine\n"), "extra.go": []byte("e\n// todo(\"half\")\n")}
	next := Files{"same.go": []byte("a\nb\n"), "run.go": []byte("one\ntwo\nthree\nfour\nfive, and a hole\n"), "both.go": []byte("theirs\n"), "new.go": []byte("todo\n")}
	r, err := Merge(t.Context(), base, mine, next)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"same.go": Same, "run.go": Carried, "both.go": Conflict, "mechanism.go": Gone, "extra.go": Own}, r.Fate)
	assert.Equal(t, Files{
		"same.go": []byte("a\nb\n"), "run.go": []byte("one of mine\ntwo\nthree\nfour\nfive, and a hole\n"),
		"both.go": []byte("theirs\n"), "new.go": []byte("todo\n"), "extra.go": []byte("e\n// todo(\"half\")\n"),
	}, r.Files)
	assert.True(t, r.Holes["extra.go"])
	assert.False(t, r.Holes["run.go"])
	assert.Equal(t, []string{"both.go"}, r.Names(Conflict))
}
