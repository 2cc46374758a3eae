package main_test

import (
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

var columns = regexp.MustCompile(`^CONTAINER ID +COMMAND +CREATED +STATUS +PIDS +NAME *$`)

// checkPs: every process of a container, with the number it has inside and the one outside.
func checkPs(t *grade.T) {
	contained(t)
	text, want := "sleep 601 & sleep 602 & wait; exit 0", 4 // with process 1 and the shell
	if _, err := exec.LookPath("unshare"); err == nil {
		text, want = "unshare -p -f sleep 603 & "+text, 6 // and one that is in a namespace further in
	}
	s, other := script(t, text), sleeper(t)
	p := t.Mydocker(s.run("--name", "family")...).Start()
	q := t.Mydocker(other.run("--name", "neighbour")...).Start()
	pid := s.find(t, p)
	neighbour := other.find(t, q)
	var family map[int]int
	t.Eventually(patience, func() bool { family = inside(t, pid); return len(family) >= want })
	family = listed(t, "family", pid)
	listed(t, "neighbour", neighbour)
	inTable(t, family)

	// The numbers of what has ended belong to others, sooner or later.
	unix.Kill(initOf(t, pid), unix.SIGKILL)
	unix.Kill(initOf(t, neighbour), unix.SIGKILL)
	p.Wait()
	q.Wait()
	if c := lookUp(t, "family"); len(c.PIDs) > 0 {
		t.Saw("mydocker ps -a --json: pids of the container", fmt.Sprint(c.PIDs))
		t.Wrong("ps-dead",
			"the container has ended, and ps still shows processes of it",
			"контейнер завершился, а ps всё ещё показывает его процессы")
	}
}

// listed compares ps --json with what the kernel says, at a moment when nobody comes or goes.
func listed(t *grade.T, name string, pid int) (family map[int]int) {
	t.Helper()
	var c shown
	t.Eventually(patience, func() bool {
		family = inside(t, pid)
		c = lookUp(t, name)
		return maps.Equal(family, inside(t, pid))
	})
	got := map[int]int{}
	for _, p := range c.PIDs {
		got[p.Outside] = p.Inside
	}
	t.Saw("grep NSpid /proc/*/status, the container's: outside:inside", fmt.Sprint(family))
	t.Saw("mydocker ps --json: pids, outside:inside", fmt.Sprint(got))
	if len(got) == 0 {
		t.Wrong("ps-pids",
			"container %s runs (state %q in ps), and its entry in ps --json has no pids: a list of {\"inside\": 1, \"outside\": 4711}",
			"контейнер %s работает (состояние в ps: %q), а в его записи в ps --json нет pids: списка из {\"inside\": 1, \"outside\": 4711}", name, c.State)
	}
	for _, outside := range nestedLast(family) {
		in := family[outside]
		said, ok := got[outside]
		switch {
		case ok && said != in:
			t.Wrong("ps-inside",
				"process %d is called %d in the container, and ps says %d. NSpid in /proc/%d/status has a number for each PID namespace that the process is in, from ours inwards: the container's is where its process 1 has a 1. See proof `two-numbers`.",
				"процесс %d в контейнере называется %d, а ps говорит %d. В NSpid из /proc/%d/status по номеру на каждое пространство PID, от нашего вглубь: номер контейнера на том месте, где у его процесса 1 стоит 1. См. доказательство `two-numbers`.", outside, in, said, outside)
		case !ok && link(outside, "ns/pid") != link(pid, "ns/pid"):
			t.Wrong("ps-nested",
				"process %d is in a PID namespace inside the container's, where unshare -p has put it, and ps does not show it: it is a process of the container all the same, with the number %d there. The parent of a namespace: ioctl NS_GET_PARENT. See proof `nested`.",
				"процесс %d в пространстве PID внутри контейнерного, куда его поместил unshare -p, и ps его не показывает; а это всё равно процесс контейнера, с номером %d. Родителя пространства даёт ioctl NS_GET_PARENT. См. доказательство `nested`.", outside, in)
		case !ok:
			t.Wrong("ps-missing",
				"process %d (%d inside: %s) belongs to the container, and ps does not show it. All that are in the namespace of process 1 are the container's.",
				"процесс %d (внутри %d: %s) принадлежит контейнеру, а ps его не показывает. Контейнеру принадлежат все, кто в пространстве PID его процесса 1.", outside, in, commandLine(outside))
		}
	}
	for outside := range got {
		if _, ok := family[outside]; !ok {
			t.Wrong("ps-foreign",
				"ps shows process %d (%s) in container %s, and it is not in that container's PID namespace: compare the inode of /proc/%d/ns/pid",
				"ps показывает процесс %d (%s) в контейнере %s, а он не в пространстве PID этого контейнера: сравните inode у /proc/%d/ns/pid", outside, commandLine(outside), name, outside)
		}
	}
	return family
}

// nestedLast puts those in the container's own namespace before those further in: the
// simpler mistake is told first.
func nestedLast(family map[int]int) []int {
	nested := func(outside int) int { return len(numbers(outside)) }
	return slices.SortedFunc(maps.Keys(family), func(a, b int) int { return nested(a) - nested(b) })
}

// inTable: the same for people.
func inTable(t *grade.T, family map[int]int) {
	t.Helper()
	out := t.Mydocker("ps").Run().Stdout
	heading, _, _ := strings.Cut(out, "\n")
	line := ""
	for l := range strings.Lines(out) {
		if strings.HasSuffix(strings.TrimSpace(l), " family") {
			line = l
		}
	}
	var want []string
	for outside, in := range family {
		want = append(want, fmt.Sprintf("%d→%d", in, outside))
	}
	slices.Sort(want)
	for _, pair := range want {
		if !regexp.MustCompile(`(^|[^0-9])`+pair+`([^0-9]|$)`).MatchString(line) || !columns.MatchString(heading) {
			t.Saw("mydocker ps", orNothing(heading+"\n"+line))
			t.Wrong("ps-table",
				"the table has a column PIDS with inside→outside for each process; %s is not in it",
				"в таблице есть столбец PIDS с парой внутри→снаружи на каждый процесс; %s в нём нет", pair)
		}
	}
}
