package proof

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
	"mydocker.example/shared/prose"
)

// lesson is a run of the fake lesson on this machine.
func lesson(t *testing.T, stdin string, env ...string) (out string, code int) {
	t.Helper()
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = "09-fake"
	cmd.Env = append(os.Environ(), "FAKE_LESSON=1", "LAB=host", "COURSE_LANG=en", "STEP=", "ONLY=", "JSON=")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdin = strings.NewReader(stdin)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	for line := range strings.Lines(both.String()) {
		if strings.HasPrefix(line, "{") {
			continue // for programs
		}
		require.LessOrEqual(t, prose.Columns(strings.TrimRight(line, "\n")), 80, line)
	}
	return both.String(), cmd.ProcessState.ExitCode()
}

func TestProved(t *testing.T) {
	out, code := lesson(t, "", "ONLY=holds")
	require.True(t, strings.HasPrefix(out, `Lesson nine

9.1 holds: About holds

  Text in English, with code and a link.

`), out)
	require.Contains(t, out, "  readlink /proc/self/ns/pid → pid:[4026532281]\n")
	require.Contains(t, out, "  | its own words\n")
	require.True(t, strings.HasSuffix(out, "  PROVED\n\nproved: 1\n"), out)
	require.Zero(t, code)
	require.NotContains(t, out, "\x1b")
}

func TestRussian(t *testing.T) {
	out, code := lesson(t, "", "ONLY=9.1,does-not-hold", "COURSE_LANG=ru")
	require.Contains(t, out, "9.1 holds: О том, что holds\n")
	require.Contains(t, out, "  по-русски\n")
	require.Contains(t, out, "  ДОКАЗАНО\n")
	require.Contains(t, out, "  ОПРОВЕРГНУТО\n")
	require.Contains(t, out, "\nдоказано: 1, опровергнуто: 1 (9.2 does-not-hold)\n")
	require.Equal(t, 1, code)
}

// Every way for a claim to be refuted, with what is said about it.
func TestRefuted(t *testing.T) {
	for id, reasons := range map[string][]string{
		"does-not-hold": {
			`- the answers should be the same: which: "1"; what: "2"`,
			`- the answers should differ: which and which: both "1"`,
			`- which: the answer is "1", and should be "3"`,
			`- the proof did not report "never"`, `- never is not x`,
		},
		"errno":        {`- mount("/x"): EPERM: operation not permitted`, `    likely: CAP_SYS_ADMIN over the owner`},
		"panics":       {`- panic: runtime error: invalid memory address or nil pointer dereference`, `(fake_test.go:`},
		"exits":        {`- the proof ended before its end, with exit code 7; it said last: last words`},
		"hangs":        {`- the proof did not end within `},
		"judge-panics": {`- panic: oh (fake_test.go:`},
		"attack-succeeds": {
			"  Without the mechanism\n    cat secret → s3cret\n    the attack → succeeded\n",
			"  With the mechanism\n    cat secret → s3cret\n    the attack → succeeded\n",
			`- with the mechanism the attack must fail; it succeeded`,
		},
		"attack-other-errno": {`- with the mechanism the attack must fail with EPERM; it failed otherwise:`, `EACCES:`},
		"attack-fails":       {`- without the mechanism the attack must succeed`},
		"attack-broken":      {`- With the mechanism: the attack could not be set up: ENOSYS: function not`},
		"attack-killed":      {`- Without the mechanism: the attack could not be set up: the attacker's`, `signal: killed`},
	} {
		t.Run(id, func(t *testing.T) {
			out, code := lesson(t, "", "ONLY="+id)
			for _, reason := range reasons {
				require.Contains(t, out, reason)
			}
			require.Contains(t, out, "  REFUTED\n")
			require.NotContains(t, out, "goroutine")
			require.Equal(t, 1, code)
		})
	}
}

func TestAttackPair(t *testing.T) {
	out, code := lesson(t, "", "ONLY=attack")
	require.Contains(t, out, "  Without the mechanism\n    cat secret → s3cret\n    the attack → succeeded\n")
	require.Regexp(t, `  With the mechanism\n    cat secret → \(empty\)\n    the attack\s+→ open /\S+/secret: EACCES:\s+permission\s+denied\n  PROVED\n`, out)
	require.Zero(t, code)

	out, code = lesson(t, "", "ONLY=attack-inside")
	require.Contains(t, out, "the attack → EPERM: operation not permitted\n  PROVED\n")
	require.Zero(t, code)
}

func TestWhatIsLeftBehindIsNamedAndEnded(t *testing.T) {
	for _, id := range []string{"leaves", "orphans"} {
		out, code := lesson(t, "", "ONLY="+id)
		require.Regexp(t, `left behind, ended by the engine: sleep\(\d+\)\n  PROVED`, out)
		require.Zero(t, code)
	}
}

func TestMydockerIsAnyProgramOrNone(t *testing.T) {
	out, _ := lesson(t, "", "ONLY=mydocker", "COURSE_MYDOCKER=/bin/echo")
	require.Contains(t, out, "  mydocker run true → run true\n")
	require.Contains(t, out, "\nproved: 1\n")

	out, code := lesson(t, "", "ONLY=mydocker", "COURSE_MYDOCKER=")
	require.Contains(t, out, "  NOT SHOWN\n  - no mydocker was given")
	require.Zero(t, code)
}

func TestNotShown(t *testing.T) {
	out, code := lesson(t, "", "ONLY=cannot,holds")
	require.Contains(t, out, "  NOT SHOWN\n  - no device here\n")
	require.True(t, strings.HasSuffix(out, "\nproved: 1, not shown: 1 (9.17 cannot)\n"), out)
	require.Zero(t, code)

	out, _ = lesson(t, "", "ONLY=cannot", "COURSE_LANG=ru")
	require.Contains(t, out, "  НЕ ПОКАЗАНО\n  - устройства нет\n\nдоказано: 0, не показано: 1 (9.17 cannot)\n")

	out, code = lesson(t, "", "ONLY=cannot", "JSON=1")
	require.Contains(t, out, `"proved":false,"notShown":{"en":"no device here","ru":"устройства нет"}`)
	require.Contains(t, out, `"proved":0,"refuted":[],"notShown":["cannot"]`)
	require.Zero(t, code)

	out, code = lesson(t, "", "ONLY=cannot-and-wrong")
	require.Contains(t, out, "  REFUTED\n  - and wrong\n")
	require.Equal(t, 1, code)
}

// A proof for this machine runs here with and without LAB=host, and starts no guest.
func TestHost(t *testing.T) {
	for _, lab := range []string{"", "host"} {
		out, code := lesson(t, "", "ONLY=here", "LAB="+lab, "XDG_CACHE_HOME="+t.TempDir())
		require.True(t, strings.HasSuffix(out, "  PROVED\n\nproved: 1\n"), out)
		require.Zero(t, code)
	}
}

func TestUsage(t *testing.T) {
	out, code := lesson(t, "", "ONLY=holds,no-such")
	require.Contains(t, out, "ONLY=no-such: no such proof; there are: 9.1 holds, 9.2 does-not-hold,")
	require.Equal(t, 2, code)

	out, code = lesson(t, "", "ONLY=holds,dangerous")
	require.Contains(t, out, "could hurt this machine and are refused: dangerous.")
	require.Equal(t, 2, code)

	out, code = lesson(t, "", "ONLY=dangerous", "LAB_HOST_DANGER=yes")
	require.Contains(t, out, "- this ran")
	require.Equal(t, 1, code)
}

func TestJSON(t *testing.T) {
	out, code := lesson(t, "", "ONLY=holds,errno,attack", "JSON=1")
	require.Equal(t, 1, code)
	var types []string
	var verdicts []map[string]any
	for line := range strings.Lines(out) {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		kind := object["type"].(string)
		if kind != "output" { // comes when it comes
			types = append(types, kind)
		}
		if kind == "verdict" {
			verdicts = append(verdicts, object)
		}
	}
	require.Equal(t, strings.Fields(`lesson proof note fact fact fact verdict proof verdict
		proof half fact got half fact got verdict summary`), types)
	require.Equal(t, true, verdicts[0]["proved"])
	require.Equal(t, false, verdicts[1]["proved"])
	require.Equal(t, []any{map[string]any{
		"text": `mount("/x"): operation not permitted`, "errno": float64(unix.EPERM), "name": "EPERM",
	}}, verdicts[1]["reasons"])
}

func TestInterrupted(t *testing.T) {
	for sig, want := range map[unix.Signal]int{unix.SIGINT: 130, unix.SIGTERM: 143} {
		t.Run(sig.String(), func(t *testing.T) { interrupted(t, sig, want) })
	}
}

func interrupted(t *testing.T, sig unix.Signal, want int) {
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "FAKE_LESSON=1", "LAB=host", "ONLY=hangs", "COURSE_SCALE=1000", "STEP=", "JSON=", "COURSE_LANG=en")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var sleeper string
	for in := bufio.NewScanner(stdout); in.Scan(); {
		if _, pid, ok := strings.Cut(in.Text(), "sleeper → "); ok {
			sleeper = pid
			break
		}
	}
	require.NoError(t, cmd.Process.Signal(sig))
	cmd.Wait()
	require.Equal(t, want, cmd.ProcessState.ExitCode())
	pid, err := strconv.Atoi(sleeper)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return unix.Kill(pid, 0) == unix.ESRCH }, 5*time.Second, 5*time.Millisecond)
}
