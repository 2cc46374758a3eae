package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mydocker.example/shared/course/internal/tree"
)

func TestRehearsalReads(t *testing.T) {
	var r rehearsal
	require.True(t, r.read(strings.NewReader(`{"type":"lesson","lesson":"03"}
{"type":"verdict","id":"a","number":"3.1","proved":true,"ms":1500}
{"type":"verdict","id":"b","number":"3.2","proved":false,"reasons":[{"text":"no"}],"ms":7000}
not JSON
{"type":"verdict","id":"c","number":"3.3","proved":false,"notShown":{"en":"no device"},"ms":1}
{"type":"summary","proved":1}
`)))
	require.Equal(t, []string{"3.2 b"}, r.refuted)
	require.Equal(t, []string{"3.3 c"}, r.notShown)
	require.Equal(t, proofTime{"3.2 b", 7 * time.Second}, r.proofs[1])
	require.False(t, new(rehearsal).read(strings.NewReader("")))
}

func TestWentWrong(t *testing.T) {
	ended := exec.Command("sh", "-c", "exit 1").Run()
	ctx, cancel := context.WithCancel(context.Background())
	require.NoError(t, wentWrong(ctx, nil, true, ""))
	require.NoError(t, wentWrong(ctx, ended, true, ""), "a refuted claim is a result")
	require.Error(t, wentWrong(ctx, ended, false, ""))
	require.ErrorContains(t, wentWrong(ctx, ended, true, "no lab\n"), "no lab")
	cancel()
	require.ErrorIs(t, wentWrong(ctx, errors.New("killed"), false, ""), context.Canceled)
}

func TestDemos(t *testing.T) {
	here := tree.Tree{Root: "../.."}
	chosen := func(lesson, only string) (string, error) {
		t.Setenv("LESSON", lesson)
		t.Setenv("ONLY", only)
		ds, err := demos(here)
		var names []string
		for _, d := range ds {
			names = append(names, d.lesson.Name+"("+strings.Join(d.only, " ")+")")
		}
		return strings.Join(names, " "), err
	}
	for _, c := range []struct{ lesson, only, want string }{
		{"3", "", "03-filesystem()"},
		{"", "loader,orphan 3.10", "01-prototype(orphan) 03-filesystem(loader 3.10)"},
		{"03", "loader", "03-filesystem(loader)"},
	} {
		got, err := chosen(c.lesson, c.only)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	all, err := chosen("", "")
	require.NoError(t, err)
	require.Len(t, strings.Fields(all), len(tree.Lessons))
	for _, c := range [][2]string{{"3", "orphan"}, {"", "nonsense"}, {"9", ""}} {
		_, err := chosen(c[0], c[1])
		require.Error(t, err)
	}
}
