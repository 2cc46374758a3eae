// Command course is what make calls: it runs lessons, checks homework, opens the lab, and
// tests the whole course. Each command is a file of this package.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// A command is one target of the Makefile.
type command struct {
	name string
	args string // "NN" when it takes a lesson
	en   string
	ru   string
	run  func(ctx context.Context, t tree.Tree, args []string) error
}

// commands is in the order in which a newcomer meets them.
func commands() []command {
	return []command{
		{"lesson", "NN", "prove the lesson's claims on a Linux kernel in the lab", "доказать утверждения урока на ядре Linux в лаборатории", lesson},
		{"check", "NN", "check your homework/NN: a line a task, with points and a diagnosis", "проверить ваше homework/NN: по строке на задание, с баллами и диагнозом", checkHomework},
		{"start", "NN", "begin homework/NN; FROM=mine builds it on your own of the lesson before", "начать homework/NN; FROM=mine построит его на вашем прошлом", start},
		{"watch", "NN", "check homework/NN on every save, and show the first task that fails", "проверять homework/NN при каждом сохранении и показывать первую ошибку", watch},
		{"progress", "", "what you have done, and the next step", "что сделано и что дальше", showProgress},
		{"try", "NN", "a shell in the lab with your mydocker on the PATH", "оболочка в лаборатории, в PATH — ваш mydocker", try},
		{"vm", "", "a shell in the lab; CMD='…' runs one command, OUT=dir brings files out", "оболочка в лаборатории; CMD='…' выполнит одну команду, OUT=папка вынесет файлы", shell},
		{"diff", "NN", "your homework against the solution", "ваше домашнее задание против решения", diff},
		{"evolution", "NN", "what lesson NN changed in mydocker", "что урок NN изменил в mydocker", evolution},
		{"doctor", "[NN]", "what this machine has, what it lacks, and the command to type; doctor-NN: for LAB=host lesson NN", "что есть на этой машине, чего не хватает и какую команду набрать; doctor-NN: для урока NN с LAB=host", examine},
		{"prefetch", "", "bring all that a class needs, while there is a network", "получить всё, что нужно занятию, пока есть сеть", prefetch},
		{"bundle", "", "pack all of it, with the course, into one file for a stick; OUT=file or folder, FOR=arm64", "упаковать всё это вместе с курсом в один файл для флешки; OUT=файл или каталог, FOR=arm64", makeBundle},
		{"unbundle", "", "install what a bundle brings, without a network: FROM=file", "установить то, что привёз архив, без сети: FROM=файл", unbundle},
		{"grade", "NN", "grade a group: DIR=submissions OUT=grades.csv, a folder a student", "проверить группу: DIR=submissions OUT=grades.csv, каталог на студента", gradeClass},
		{"notes", "NN", "the speaker's notes, which follow STEP=1 make lesson-NN in another terminal", "заметки лектора: следуют за STEP=1 make lesson-NN в другом терминале", notes},
		{"record", "NN", "record the real run of a lesson (asciicast): out/lesson-NN.LANG.cast, or OUT=file", "записать настоящий прогон урока (asciicast): out/lesson-NN.ЯЗЫК.cast или OUT=файл", record},
		{"replay", "NN", "play the recording without a lab; STEP=1 stops at each proof, SPEED=2, FROM=file", "показать запись без лаборатории; STEP=1 — по шагам, SPEED=2, FROM=файл", replay},
		{"rehearse", "", "run every demo, name the slow proofs; LESSON=3 ONLY=id narrow it", "прогнать все демонстрации, назвать медленные; LESSON=3 ONLY=id — часть", rehearse},
		{"explain", "", "why the kernel answered so: ERR='pivot_root EINVAL', or the whole line", "почему ядро так ответило: ERR='pivot_root EINVAL' или вся строка", explainError},
		{"reset", "[NN]", "forget the lab's snapshots; reset-NN: homework/NN from the start, your work put aside", "забыть снимки лаборатории; reset-NN: homework/NN с начала, ваша работа откладывается", reset},
		{"stubs", "", "make homework/ from solutions/", "сделать homework/ из solutions/", stubs},
		{"transcripts", "", "run the shell blocks of the texts and compare; UPDATE=1 rewrites them", "выполнить блоки оболочки из текстов и сравнить; UPDATE=1 перепишет их", transcripts},
		{"test", "", "test the whole course", "проверить весь курс", test},
		{"bench", "", "measure how fast the lab starts, and a container of mydocker beside others", "измерить, как быстро стартует лаборатория и контейнер mydocker рядом с другими", bench},
		{"clean", "", "remove the course's own folder in your cache", "удалить папку курса из вашего кэша", clean},
		{"list", "", "the lessons", "уроки", list},
	}
}

// The main goroutine stays on the main thread: the kernel ties the death signal of a parent
// to the thread that asked for it (PR_SET_PDEATHSIG, prctl(2)), and an execve keeps it.
func init() { runtime.LockOSThread() }

func main() {
	if err := child.DieWithParent(); err != nil {
		fail(err)
	}
	t, err := tree.Find()
	if err != nil {
		fail(err)
	}
	if len(os.Args) < 2 || os.Args[1] == "help" {
		help()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	for _, c := range commands() {
		if c.name == os.Args[1] {
			err := c.run(ctx, t, os.Args[2:])
			if code := exit(0); ctx.Err() != nil && !errors.As(err, &code) {
				os.Exit(130)
			}
			fail(err)
			return
		}
	}
	fail(unknown(os.Args[len(os.Args)-1]))
}

// An exit is an error that has been told already, or needs no words.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// fail prints an error in one line and ends with its exit code.
func fail(err error) {
	var code exit
	var child *exec.ExitError
	switch {
	case err == nil:
		return
	case errors.As(err, &code):
		os.Exit(int(code))
	case errors.As(err, &child) && child.Exited():
		os.Exit(child.ExitCode())
	}
	fmt.Fprintln(os.Stderr, say.Hang("", err.Error()))
	os.Exit(1)
}

func help() {
	fmt.Println(say.T("make TARGET, where NN is a lesson's number:", "make ЦЕЛЬ, где NN — номер урока:"))
	for _, c := range commands() {
		name := c.name
		if c.args == "NN" {
			name += "-NN"
		}
		fmt.Println(say.Hang(fmt.Sprintf("  %-14s ", name), say.T(c.en, c.ru)))
	}
}

func unknown(target string) error {
	for _, c := range commands() {
		if c.name == target && c.args == "NN" {
			return fmt.Errorf(say.T("which lesson? For example: make %s-03", "какой урок? Например: make %s-03"), target)
		}
	}
	return fmt.Errorf(say.T("there is no target %q; make alone lists them", "цели %q нет; список целей печатает make без аргументов"), target)
}
