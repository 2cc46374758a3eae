package main

import (
	"regexp"
	"slices"
	"strings"

	"mydocker.example/shared/grade"
)

// checkChild: the command runs, as a child of process 1.
func checkChild(t *grade.T) {
	b := bootScene(t, "look")
	b.unwritten(t, "child")
	a := b.witness(t, 1)
	if a.PID == 1 {
		b.wrong(t, "command-is-init",
			"the command says that it is process 1: it was executed in the place of init, and nobody is left to reap and to switch off. Start a child",
			"команда говорит, что она процесс 1: её выполнили на месте init, и некому больше ни забирать сирот, ни выключать машину. Запускайте потомка")
	}
	if a.Parent != 1 {
		b.wrong(t, "command-parent",
			"the command's parent is process %d, and should be init, process 1",
			"родитель команды — процесс %d, а должен быть init, процесс 1", a.Parent)
	}
	if want := []string{"witness", "look", b.word}; !slices.Equal(a.Args, want) {
		b.wrong(t, "command-args",
			"the command was given the words %q instead of %q",
			"команда получила слова %q вместо %q", a.Args, want)
	}
	if !slices.Contains(strings.Split(a.Path, ":"), "/bin") {
		b.wrong(t, "command-path",
			"the command has PATH=%q, and /bin is not in it: what it starts by name it will not find",
			"у команды PATH=%q, и /bin там нет: то, что она запускает по имени, не найдётся", a.Path)
	}
}

// checkMounts: what statfs(2) and stat(2) say of the three folders.
func checkMounts(t *grade.T) {
	b := bootScene(t, "look")
	b.unwritten(t, "mounts", "child")
	a := b.witness(t, 1)
	for _, m := range []struct {
		path, fstype string
		good         bool
	}{{"/proc", "proc", a.Proc}, {"/sys", "sysfs", a.Sys}, {"/dev", "devtmpfs", a.Dev}} {
		if !m.good {
			b.wrong(t, "not-mounted",
				"the command asked the kernel: at %s there is no %s. In the first root of a machine most folders are missing, and mount(2) does not make them",
				"команда спросила ядро: на %s нет %s. В первом корне машины почти нет каталогов, а mount(2) их не создаёт", m.path, m.fstype)
		}
	}
}

var treeLine = regexp.MustCompile(`^( *)(\d+) (.*)$`)

// printedTree reads the tree that init printed below a heading.
func (b *boot) printedTree(heading string) (all []seenProcess, bad string) {
	_, rest, found := strings.Cut(b.console, heading+"\n")
	if !found {
		return nil, ""
	}
	var path []int // from the root to the line before
	for line := range strings.Lines(rest) {
		line = strings.TrimRight(line, "\n")
		m := treeLine.FindStringSubmatch(line)
		if m == nil {
			break
		}
		depth := len(m[1]) / 2
		if len(m[1])%2 != 0 || depth > len(path) {
			return all, line
		}
		parent := 0
		if depth > 0 {
			parent = path[depth-1]
		}
		p := seenProcess{PID: atoi(m[2]), Parent: parent, Name: m[3]}
		all, path = append(all, p), append(path[:depth], p.PID)
	}
	return all, ""
}

// missed is how many kernel threads may have come between the tree and the witness's look.
const missed = 3

// checkTree holds what init printed against what the witness saw.
func checkTree(t *grade.T) {
	b := bootScene(t, "look")
	b.unwritten(t, "tree", "mounts", "child")
	a := b.witness(t, 1)
	if !a.Proc {
		b.wrong(t, "no-proc",
			"there is no /proc to read the processes from: the task mounts comes first",
			"нет /proc, откуда читать процессы: сначала сделайте задание mounts")
	}
	printed, bad := b.printedTree("init: the processes before the command")
	b.wellFormed(t, printed, bad)
	var late []string
	for _, p := range a.Processes {
		if p.PID >= a.PID { // came after the tree
			continue
		}
		i := slices.IndexFunc(printed, func(q seenProcess) bool { return q.PID == p.PID })
		switch {
		case i < 0 && !strings.HasPrefix(p.Name, "kworker"):
			late = append(late, p.Name)
		case i < 0:
		case printed[i].Parent != p.Parent:
			b.wrongParent(t, p, printed[i])
		case printed[i].Name != p.Name && !strings.HasPrefix(p.Name, "kworker"): // these change theirs
			b.wrongName(t, p, printed[i])
		}
	}
	if len(late) > missed {
		b.wrong(t, "tree-incomplete",
			"the command sees %d processes that are missing in the tree: %s",
			"команда видит процессы, которых нет в дереве, всего %d: %s", len(late), strings.Join(late, ", "))
	}

	// Once more, with processes that are further down and have other names.
	b = bootScene(t, "leave")
	b.unwritten(t, "reap")
	a = b.witness(t, 1)
	printed, bad = b.printedTree("init: the processes after the command")
	b.wellFormed(t, printed, bad)
	for i, want := range []seenProcess{{PID: a.Left[0], Parent: 1, Name: oddName}, {PID: a.Left[1], Parent: a.Left[0], Name: "witness"}} {
		at := slices.IndexFunc(printed, func(q seenProcess) bool { return q.PID == want.PID })
		switch {
		case at < 0:
			b.wrong(t, "tree-incomplete",
				"after the command process %d (%s) still runs, and the tree does not have it",
				"после команды ещё работает процесс %d (%s), а в дереве его нет", want.PID, want.Name)
		case printed[at].Parent != want.Parent:
			b.wrongParent(t, want, printed[at])
		case i == 0 && printed[at].Name != want.Name:
			b.wrongName(t, want, printed[at])
		}
	}
}

func (b *boot) wellFormed(t *grade.T, printed []seenProcess, bad string) {
	if bad != "" {
		b.wrong(t, "tree-format",
			"a line of the tree is two spaces further in than its parent's, and no more: %q",
			"строка дерева отступает от строки родителя на два пробела и не больше: %q", bad)
	}
	if len(printed) == 0 {
		b.wrong(t, "tree-empty",
			"below the heading there is no line of the form `PID NAME`",
			"под заголовком нет ни одной строки вида `PID ИМЯ`")
	}
}

func (b *boot) wrongParent(t *grade.T, kernel, printed seenProcess) {
	b.wrong(t, "tree-parent",
		"the parent of process %d (%s) is %d, says the kernel; in the tree it stands below %d (0: below nobody)",
		"родитель процесса %d (%s), по словам ядра, %d, а в дереве процесс стоит под %d (0: ни под кем)",
		kernel.PID, kernel.Name, kernel.Parent, printed.Parent)
}

func (b *boot) wrongName(t *grade.T, kernel, printed seenProcess) {
	b.wrong(t, "tree-name",
		"the kernel calls process %d %q, the tree %q. A name may hold spaces and parentheses: in /proc/PID/stat it ends with the last ) of the line",
		"процесс %d ядро зовёт %q, а дерево %q. В имени бывают пробелы и скобки: в /proc/PID/stat оно кончается последней ) строки",
		kernel.PID, kernel.Name, printed.Name)
}

// checkReap: orphans, and what becomes of them.
func checkReap(t *grade.T) {
	b := bootScene(t, "orphans")
	b.unwritten(t, "reap", "child", "mounts")
	a := b.witness(t, 2)
	if a.Adopted != orphans {
		b.wrong(t, "no-orphans",
			"of %d orphans process 1 has adopted %d: is there a /proc to see them in, and does init run as process 1?",
			"из %d сирот процесс 1 усыновил %d: есть ли /proc, где их видно, и работает ли init процессом 1?", orphans, a.Adopted)
	}
	if a.Zombies > 0 {
		b.wrong(t, "zombies",
			"%d orphans have ended, were adopted by init, and are zombies still: init waits for its own child only",
			"%d сирот завершились, их усыновил init, а они всё ещё зомби: init ждёт только собственного потомка", a.Zombies)
	}
}

// checkExit: what the host got to know, and how the machine ended.
func checkExit(t *grade.T) {
	for _, s := range []struct{ scene, en, ru, want string }{
		{"look", "the command ended with exit code 42", "команда завершилась с кодом 42", "42"},
		{"leave", "the command ended with exit code 200", "команда завершилась с кодом 200", "200"},
		{"orphans", "the command was ended by signal 9", "команду завершил сигнал 9", "137"},
	} {
		b := bootScene(t, s.scene)
		b.unwritten(t, "exit", "reap", "child")
		b.witness(t, 1)
		switch {
		case b.timedOut:
			b.wrong(t, "not-off",
				"the machine did not switch itself off within %v",
				"машина не выключилась за %[1]v", bootLimit)
		case b.exit == "":
			t.Saw("the kernel's last words", orNothing(b.panic()))
			b.wrong(t, "no-exit-code",
				"%[1]s, and nothing has arrived at EXIT_PORT. Is /dev mounted? Was the line drained before the machine went off?",
				"%[2]s, а на EXIT_PORT ничего не пришло. Смонтирован ли /dev? Дождались ли вы, пока линия опустеет, прежде чем выключать машину?", s.en, s.ru)
		case b.exit != s.want:
			b.wrong(t, "wrong-exit-code",
				"%[1]s, so the host should read %[3]s; it reads %[4]q",
				"%[2]s, поэтому хост должен прочесть %[3]s, а читает %[4]q", s.en, s.ru, s.want, b.exit)
		case b.panic() != "":
			b.wrong(t, "panic",
				"the exit code has arrived, and then the kernel panicked: %s. Init must not end: it switches the machine off, reboot(2)",
				"код дошёл, но потом ядро запаниковало: %s. init не должен завершаться: он выключает машину, reboot(2)", b.panic())
		case !b.off():
			b.wrong(t, "not-off",
				"the machine ended otherwise than by being switched off: the kernel did not say `reboot: Power down`",
				"машина закончила работу, но не выключилась: ядро не сказало `reboot: Power down`")
		}
	}
}

func orNothing(text string) string {
	if text == "" {
		return "(nothing)"
	}
	return text
}

// checkShutdown: two are left behind; one needs a moment when it is asked to go, the other
// does not go.
func checkShutdown(t *grade.T) {
	b := bootScene(t, "leave")
	b.unwritten(t, "shutdown", "child", "reap")
	b.witness(t, 1)
	if b.timedOut {
		b.wrong(t, "shutdown-hangs",
			"one process ignores SIGTERM, and the machine waited for it for ever: when the grace is over comes SIGKILL",
			"один процесс не слушает SIGTERM, и машина ждала его вечно: когда отсрочка кончилась, приходит SIGKILL")
	}
	if !b.saved() {
		b.wrong(t, "no-grace",
			"a process that needs 0.3 seconds to save its work after SIGTERM did not get them: it was not asked, or not waited for",
			"процессу, которому после SIGTERM нужно 0,3 секунды, чтобы сохранить работу, их не дали: его не попросили или не подождали")
	}
}
