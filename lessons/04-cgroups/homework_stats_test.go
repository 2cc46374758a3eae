package main_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mydocker.example/shared/grade"
)

// checkStats: what stats prints is what the kernel's files say.
func checkStats(t *grade.T) {
	rootfs := makeRootfs(t)
	hog, pid := start(t, "(while :; do :; done) & sleep 600 & sleep 600 & echo up", "--rootfs", rootfs, "--name", "hog", "--cpu", "0.5", "--memory", "64M")
	g := ownGroup(t, pid)
	says(t, hog, "up")
	idle, _ := start(t, ":", "--rootfs", rootfs, "--name", "idle")
	ended := t.Mydocker("run", "--rootfs", rootfs, "--name", "ended", "true").Run()
	expectCode(t, ended, 0, "mydocker run true")

	before, pids := number(g.read("memory.current")), g.read("pids.current")
	rows := table(t)
	after := number(g.read("memory.current"))
	if len(rows) != 2 || rows["hog"].pids == "" || rows["idle"].pids == "" {
		t.Wrong("stats-rows",
			"mydocker stats is to have a row for each container that runs, here hog and idle, and it has %d. docker's columns: CONTAINER ID, NAME, CPU %%, MEM USAGE / LIMIT, MEM %%, NET I/O, BLOCK I/O, PIDS.",
			"в mydocker stats должно быть по строке на работающий контейнер, здесь hog и idle, а строк %d. Столбцы docker: CONTAINER ID, NAME, CPU %%, MEM USAGE / LIMIT, MEM %%, NET I/O, BLOCK I/O, PIDS.", len(rows))
	}
	memory(t, g, rows, before, after)
	if row := rows["hog"]; row.pids != pids && row.pids != g.read("pids.current") { // Go may start a thread at any time
		t.Saw("cat "+string(g)+"/pids.current", pids)
		t.Wrong("stats-pids",
			"mydocker stats counts %s processes, and pids.current of the group says %s: it counts threads, too",
			"mydocker stats насчитал процессов: %s, а в pids.current группы %s: он считает и потоки", row.pids, pids)
	}
	processor(t, g, rows)
	if one := table(t, "idle"); len(one) != 1 || one["idle"].pids == "" {
		t.Wrong("stats-rows", "mydocker stats idle is to have one row, and it has %d", "в mydocker stats idle должна быть одна строка, а их %d", len(one))
	}
	if res := t.Mydocker("stats", "nosuch").Run(); res.Code != 125 {
		t.Wrong("stats-unknown",
			"mydocker stats of a container that is not there exited with %d, not 125",
			"mydocker stats для контейнера, которого нет: код %d, а должен быть 125", res.Code)
	}
	end(hog)
	end(idle)
}

// A statsRow is a line of the table, without what is not checked.
type statsRow struct {
	cpu           float64
	usage, limit  float64 // bytes
	memoryPercent float64
	pids          string
}

var statsLine = regexp.MustCompile(`^\S+\s+(\S+)\s+([\d.]+)%\s+([\d.]+)\s*([KMGT]?i?B)\s*/\s*([\d.]+)\s*([KMGT]?i?B)\s+([\d.]+)%\s.*?(\d+)\s*$`)

// table calls mydocker stats and reads what it printed, by name.
func table(t *grade.T, args ...string) map[string]statsRow {
	t.Helper()
	res := t.Mydocker(append([]string{"stats"}, args...)...).Run()
	t.Saw(strings.TrimSpace("mydocker stats "+strings.Join(args, " ")), fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stdout+res.Stderr)))
	expectCode(t, res, 0, "mydocker stats")
	rows := map[string]statsRow{}
	for line := range strings.Lines(res.Stdout) {
		if m := statsLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			rows[m[1]] = statsRow{number(m[2]), number(m[3]) * unit(m[4]), number(m[5]) * unit(m[6]), number(m[7]), m[8]}
		}
	}
	return rows
}

func number(text string) float64 { n, _ := strconv.ParseFloat(text, 64); return n }

// unit is docker's: KiB is 1024.
func unit(name string) float64 {
	return math.Pow(1024, float64(strings.Index("BKMGT", name[:1])))
}

// memory: the kernel was asked before and after. It changes little in a container that takes
// none.
func memory(t *grade.T, g group, rows map[string]statsRow, before, after float64) {
	t.Helper()
	row := rows["hog"]
	t.Saw("cat "+string(g)+"/memory.current, before and after", fmt.Sprintf("%.0f %.0f", before, after))
	if row.usage < 0.8*min(before, after) || row.usage > 1.2*max(before, after) {
		t.Wrong("stats-memory",
			"mydocker stats says that the container uses %.0f bytes, and memory.current of its group says between %.0f and %.0f",
			"mydocker stats говорит, что контейнер занимает %.0f байт, а memory.current его группы — от %.0f до %.0f", row.usage, min(before, after), max(before, after))
	}
	const limit = 64 * megabyte
	if math.Abs(row.limit-limit) > limit/100 || math.Abs(row.memoryPercent-100*row.usage/limit) > 1 {
		t.Wrong("stats-limit",
			"the container's limit is 64M; mydocker stats says a limit of %.0f bytes, and that %.2f%% of it is used",
			"предел контейнера 64M; mydocker stats говорит, что предел %.0f байт и занято %.2f%%", row.limit, row.memoryPercent)
	}
	if all := rows["idle"].limit; all < 2*limit {
		t.Wrong("stats-limit",
			"a container without --memory has as much as the machine has; mydocker stats says a limit of %.0f bytes",
			"у контейнера без --memory памяти столько, сколько у машины; mydocker stats говорит, что предел %.0f байт", all)
	}
}

// processor: a loop with half of a processor uses about half of one, whoever measures; and
// a container that sleeps uses next to nothing, whatever it used before.
func processor(t *grade.T, g group, rows map[string]statsRow) {
	t.Helper()
	var told []string
	for range 5 { // as in cpu: a machine that is busy is no witness, and one time that it holds will do
		hog, idle := rows["hog"].cpu, rows["idle"].cpu
		if hog >= 30 && hog <= 70 && idle <= 5 {
			return
		}
		told = append(told, fmt.Sprintf("hog %.2f%%, idle %.2f%%", hog, idle))
		rows = table(t)
	}
	kernel := 100 * g.share(time.Second)
	t.Saw("usage_usec of "+string(g)+"/cpu.stat over a second, % of a processor", fmt.Sprintf("%.0f", kernel))
	t.Wrong("stats-cpu",
		"hog runs a loop with --cpu 0.5, idle sleeps; mydocker stats says: %s. CPU %% is what was used between two readings of usage_usec, in proportion to the time between them; 100%% is one processor.",
		"hog крутит цикл с --cpu 0.5, idle спит; mydocker stats говорит: %s. CPU %% — это то, что потрачено между двумя чтениями usage_usec, по отношению к времени между ними; 100%% — один процессор.", strings.Join(told, "; "))
}
