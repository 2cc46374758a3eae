package main_test

import (
	"fmt"
	"os"
	"strings"

	"mydocker.example/shared/grade"
)

// checkFlags: names that are none are refused, each with the nearest, before anything is
// made; and the choice is docker's.
func checkFlags(t *grade.T) {
	for _, c := range []struct{ flag, word, nearest string }{
		{"--drop-cap", "NET_RWA", "NET_RAW"},
		{"--cap-drop", "cap_sysadmin", "SYS_ADMIN"},
		{"--add-cap", "CHWON", "CHOWN"},
		{"--cap-add", "CAP_DAC_READSEARCH", "DAC_READ_SEARCH"},
		{"--add-cap", "ALLL", "ALL"},
	} {
		res := t.Mydocker("run", c.flag, "KILL", c.flag, c.word, "true").Run()
		call := fmt.Sprintf("mydocker run %s KILL %s %s true", c.flag, c.flag, c.word)
		t.Saw(call, fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
		if res.Code != 125 {
			t.Wrong("accepted",
				"%s exited with %d: no capability has that name, and who misspells one believes that it is gone. To be refused, with 125.",
				"%s: код завершения %d. Capability с таким именем нет, а тот, кто опечатался, думает, что она убрана. Должен быть отказ, 125.", call, res.Code)
		}
		if !strings.Contains(res.Stderr, c.word) {
			t.Wrong("not-named",
				"%s is refused, and the message does not have the word that was not understood, %q",
				"%s: отказано, но в сообщении нет слова, которое не поняли, %q", call, c.word)
		}
		if !strings.Contains(strings.ReplaceAll(res.Stderr, c.word, ""), c.nearest) {
			t.Wrong("no-nearest",
				"%s is refused, and the message does not name the nearest that there is, %s",
				"%s: отказано, но ближайшее существующее имя, %s, в сообщении не названо", call, c.nearest)
		}
	}
	if _, err := os.Lstat(t.Root()); err == nil {
		t.Wrong("created",
			"a run that was refused has made %s: names are read before anything is made",
			"отвергнутый run создал %s: имена читают раньше, чем что-либо создают", t.Root())
	}

	const chown, sysTime = 1 << 0, 1 << 25
	const docker, all = 0xa80425fb, 1<<41 - 1
	for _, c := range []struct {
		flags string
		want  uint64
		why   string
	}{
		{"", docker, "docker's set"},
		{"--drop-cap CAP_CHOWN --cap-drop net_raw", docker &^ (chown | 1<<13), "docker's set without the two"},
		{"--add-cap Sys_Time --drop-cap CHOWN --add-cap CHOWN", docker | sysTime, "a name that is added and dropped is kept, whichever came first"},
		{"--add-cap CHOWN --drop-cap all", chown, "ALL dropped: only what is added"},
		{"--cap-drop CHOWN --cap-add ALL", all &^ chown, "ALL added: everything but what is dropped"},
	} {
		args := append([]string{"run"}, strings.Fields(c.flags)...)
		res := t.Mydocker(append(args, "grep", "CapPrm", "/proc/self/status")...).Run()
		call := strings.Join(strings.Fields("mydocker run "+c.flags+" grep CapPrm /proc/self/status"), " ")
		expectCode(t, res, 0, call)
		if got := strings.TrimSpace(strings.TrimPrefix(res.Stdout, "CapPrm:")); got != fmt.Sprintf("%016x", c.want) {
			t.Saw(call, orNothing(res.Stdout))
			t.Wrong("choice",
				"%s: the command has the set %s, and it was to be %016x: %s. `capsh --decode` names them.",
				"%s: у команды набор %s, а должен быть %016x: %s. Имена покажет `capsh --decode`.", call, got, c.want, c.why)
		}
	}
}
