package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/explain"
)

func TestWhatExplainsAnErrorIsAProofOfTheCourse(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for _, lang := range []string{"en", "ru"} {
		t.Setenv("COURSE_LANG", lang)
		for _, c := range explain.Find("", 0) {
			if c.Proof != "" {
				_, _, err := proofOf(tree.Tree{Root: root}, c.Proof)
				require.NoError(t, err, c.Call)
			}
		}
	}
}

func TestExplainAsksForMore(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	for typed, want := range map[string]string{
		"":               "make explain ERR=",
		"nonsense":       "names neither",
		"EINTR":          "name the call too",
		"pivot_root EIO": "man 2 pivot_root",
	} {
		t.Setenv("ERR", typed)
		require.ErrorContains(t, explainError(t.Context(), tree.Tree{}, nil), want, typed)
	}
}
