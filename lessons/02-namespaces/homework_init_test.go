package main_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkInit: the duties of process 1. The witnesses are shells and sleeps: what the kernel
// does to a process that installs no handler cannot be seen on a Go program.
func checkInit(t *grade.T) {
	contained(t)
	notOne(t)
	handsOn(t)
	plainEnd(t)
	rightChild(t)
	reaps(t)
	endsAll(t)
}

// notOne: the command is not process 1.
func notOne(t *grade.T) {
	s := sleeper(t)
	p := t.Mydocker(s.run()...).Start()
	pid := s.find(t, p)
	t.Saw(fmt.Sprintf("grep NSpid /proc/%d/status (the command)", pid), fmt.Sprint(numbers(pid)))
	if one := initOf(t, pid); one == pid {
		unix.Kill(pid, unix.SIGKILL)
		t.Wrong("no-init",
			"the command is process 1 of the container. It has no handler for SIGTERM, so the kernel does not deliver that to it, and it does not reap orphans that it knows nothing of. Process 1 is to be yours, and the command its child. See proofs `init-shield` and `adopts`.",
			"команда стала процессом 1 контейнера. Обработчика SIGTERM у неё нет, и ядро ей этот сигнал не доставит; сирот, о которых она не знает, она не дождётся. Процессом 1 должен быть ваш, а команда его потомком. См. доказательства `init-shield` и `adopts`.")
	}
	unix.Kill(initOf(t, pid), unix.SIGKILL)
	p.Wait()
}

// ends waits for mydocker after a signal.
func ends(t *grade.T, p *grade.Process, code int, call, signal string) {
	t.Helper()
	if !t.Eventually(patience, p.Ended) {
		p.Signal(syscall.SIGKILL)
		lost(t, signal)
	}
	expectCode(t, p.Wait(), code, call)
}

func lost(t *grade.T, signal string) {
	t.Helper()
	t.Wrong("signal-lost",
		"%s was sent to mydocker, and the command has never heard of it: mydocker hands it on to process 1, and process 1 has to hand it on to the command. See proof `init-shield`.",
		"mydocker получил %s, а команда об этом так и не узнала: mydocker передаёт сигнал процессу 1, а тот должен передать его команде. См. доказательство `init-shield`.", signal)
}

// handsOn: signals reach the command, and process 1 survives them.
func handsOn(t *grade.T) {
	p := listener(t)
	p.Signal(syscall.SIGTERM)
	if !t.Eventually(patience, p.Ended) {
		ends(t, p, 42, "", "SIGTERM")
	}
	if res := p.Wait(); res.Code != 42 {
		t.Saw("exit code; the command's trap says 42", fmt.Sprint(res.Code))
		t.Wrong("init-died",
			"SIGTERM was sent to mydocker, and the container ended before the command could answer it: process 1 died of the signal itself, and with it all others. signal.Notify, before the command is started, makes the signal a message. See proof `init-death`.",
			"mydocker получил SIGTERM, и контейнер кончился раньше, чем команда успела ответить: от сигнала умер сам процесс 1, а с ним и все остальные. signal.Notify, вызванный до запуска команды, превращает сигнал в сообщение. См. доказательство `init-death`.")
	}

	p = listener(t)
	p.Signal(syscall.SIGUSR1)
	t.Eventually(patience, func() bool { return strings.Contains(p.Stdout(), "heard USR1") || p.Ended() })
	if !strings.Contains(p.Stdout(), "heard USR1") {
		p.Signal(syscall.SIGKILL)
		lost(t, "SIGUSR1")
	}
	p.Signal(syscall.SIGTERM)
	ends(t, p, 42, "SIGTERM to a command with a trap that exits with 42", "SIGTERM")
}

// listener starts a command with a trap for two signals, and waits until they are set.
func listener(t *grade.T) *grade.Process {
	s := script(t, `trap "echo heard USR1" USR1; trap "exit 42" TERM; echo ready; while :; do sleep 0.1; done`)
	p := t.Mydocker(s.run()...).Start()
	s.find(t, p)
	t.Eventually(patience, func() bool { return strings.Contains(p.Stdout(), "ready") || p.Ended() })
	return p
}

// plainEnd: a command without handlers dies of SIGTERM, as it would outside, and the exit
// codes come through process 1 as they were.
func plainEnd(t *grade.T) {
	s := sleeper(t)
	p := t.Mydocker(s.run()...).Start()
	s.find(t, p)
	p.Signal(syscall.SIGTERM)
	ends(t, p, 128+15, "SIGTERM to mydocker run sleep", "SIGTERM")
	expectCode(t, t.Mydocker("run", "sh", "-c", "exit 7").Run(), 7, "mydocker run sh -c 'exit 7'")
	expectCode(t, t.Mydocker("run", "sh", "-c", "kill -9 $$").Run(), 128+9, "mydocker run sh -c 'kill -9 $$'")
}

// reaps: orphans are adopted by process 1, and it waits for them.
func reaps(t *grade.T) {
	const orphans = 5
	s := script(t, `for i in 1 2 3 4 5; do (sleep 0.2 &); done; echo ready; while :; do sleep 600; done; exit 0`)
	p := t.Mydocker(s.run()...).Start()
	pid := s.find(t, p)
	t.Eventually(patience, func() bool { return strings.Contains(p.Stdout(), "ready") })
	var family, zombies []int
	if !t.Eventually(patience, func() bool {
		family, zombies = nil, nil
		for outside := range inside(t, pid) {
			family = append(family, outside)
			if l, ok := lifeOf("", outside); ok && l.state == "Z" {
				zombies = append(zombies, outside)
			}
		}
		return len(family) == 3 // process 1, the shell, its last sleep
	}) {
		slices.Sort(zombies)
		t.Saw("processes of the container; in state Z", fmt.Sprintf("%d; %v", len(family), zombies))
		t.Wrong("zombies",
			"%d orphans of the container have ended, and %d are zombies still: the kernel made them children of process 1, and process 1 does not wait for them. wait4(-1) waits for any child. See proof `adopts`.",
			"в контейнере завершились сироты, %d, и %d из них всё ещё зомби: ядро сделало их детьми процесса 1, а он их не дожидается. wait4(-1) ждёт любого потомка. См. доказательство `adopts`.", orphans, len(zombies))
	}
	unix.Kill(initOf(t, pid), unix.SIGKILL)
	p.Wait()
}

// rightChild: an orphan that ends is not taken for the command.
func rightChild(t *grade.T) {
	res := t.Mydocker("run", "sh", "-c", `(sh -c "sleep 0.1; exit 9" &); sleep 1; exit 4`).Run()
	if res.Code != 4 {
		t.Saw("an orphan exits with 9, the command a second later with 4: mydocker", fmt.Sprintf("exit %d", res.Code))
		t.Wrong("wrong-child",
			"an orphan of the container ended first, and process 1 took it for the command: mydocker exited with %d, not 4. wait4 says whose end it reports; only the command's ends the container.",
			"первым завершился сирота, и процесс 1 принял его за команду: mydocker вышел с кодом %d, а не 4. wait4 сообщает, чей это конец; контейнер завершается только с командой.", res.Code)
	}
}

// endsAll: when the command has ended the container has, whoever is left in it.
func endsAll(t *grade.T) {
	left := script(t, "sleep 600; exit 0")
	p := t.Mydocker("run", "sh", "-c", `sh -c "$0" "$1" & sleep 0.5; exit 3`, left.argv[2], left.argv[3]).Start()
	pid := left.find(t, p)
	l, _ := lifeOf("", pid)
	if !t.Eventually(patience, p.Ended) {
		p.Signal(syscall.SIGKILL)
		t.Wrong("outlives",
			"the command has ended, and mydocker waits on for process %d, which the command left in the background: process 1 ends with the command, and the kernel ends the rest",
			"команда завершилась, а mydocker всё ждёт процесс %d, который она оставила в фоне: процесс 1 завершается вместе с командой, остальных завершит ядро", pid)
	}
	expectCode(t, p.Wait(), 3, "mydocker run of a command that leaves a process and exits with 3")
	if !t.Eventually(patience, func() bool { return !alive(pid, l.start) }) {
		t.Wrong("survivor",
			"the container has ended, and process %d of it lives on. See proof `init-death`.",
			"контейнер завершился, а его процесс %d живёт. См. доказательство `init-death`.", pid)
	}
}
