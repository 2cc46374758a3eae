package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkStore: containers are remembered across calls, wholly, by many mydockers at once.
func checkStore(t *grade.T) {
	remembered(t)
	noneIsLost(t)
	nameIsTakenOnce(t)
	endIsRecorded(t)
	recordIsReplaced(t)
	damageIsReported(t)
}

func remembered(t *grade.T) {
	if all, stderr := ids(t); len(all) != 0 || stderr != "" {
		t.Wrong("empty-store",
			"mydocker ps -aq in an empty MYDOCKER_ROOT prints %q and complains %q: no containers is no error",
			"mydocker ps -aq при пустом MYDOCKER_ROOT печатает %q и жалуется %q: отсутствие контейнеров не ошибка",
			strings.Join(all, " "), strings.TrimSpace(stderr))
	}
	expectCode(t, t.Mydocker("run", "--name", "seven", "sh", "-c", "exit 7").Run(), 7, "mydocker run sh -c 'exit 7'")
	all, _ := ids(t)
	if len(all) != 1 {
		t.Saw("mydocker ps -aq", fmt.Sprintf("%d lines after one run", len(all)))
		t.Wrong("not-remembered",
			"mydocker run has ended, and another call, ps -aq, finds %d containers and not one. A call knows only what an earlier one left on disk.",
			"mydocker run закончился, а другой вызов, ps -aq, находит контейнеров: %d, а не один. Вызов знает лишь то, что предыдущий оставил на диске.", len(all))
	}
	if !idForm.MatchString(all[0]) {
		t.Wrong("id-form",
			"a container's id is 12 hex digits, and this one is %q",
			"идентификатор контейнера состоит из 12 шестнадцатеричных цифр, а здесь %q", all[0])
	}
	expectCode(t, t.Mydocker("run", "sh", "-c", "kill -9 $$").Run(), 128+9, "mydocker run sh -c 'kill -9 $$'")
}

// endIsRecorded looks into the records on disk.
func endIsRecorded(t *grade.T) {
	all, _ := ids(t)
	for _, id := range all {
		c := readRecord(t, id)
		if c.Name == "seven" && (c.ExitCode == nil || *c.ExitCode != 7) {
			t.Wrong("end-not-recorded",
				"the command exited with 7, and the record does not say so: save it once more after wait(2)",
				"команда вышла с кодом 7, а в записи этого нет: сохраните её ещё раз после wait(2)")
		}
	}
}

// readRecord reads a record as HOMEWORK.md says that it is stored.
func readRecord(t *grade.T, id string) (c shown) {
	t.Helper()
	path := recordPath(t, id)
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil || c.ID != id {
		t.Saw("cat "+path, fmt.Sprintf("%.200s (%v)", data, err))
		t.Wrong("record-place",
			"the record of container %s is not at containers/%s/record.json in MYDOCKER_ROOT, as a Container in JSON",
			"записи контейнера %s нет в containers/%s/record.json внутри MYDOCKER_ROOT (Container в виде JSON)", id, id)
	}
	return c
}

// recordIsReplaced holds the record open while it is rewritten. A rename puts another file
// in its place: the one held open has no name any more. Written in place it is still there.
func recordIsReplaced(t *grade.T) {
	w := newProbe(t)
	p := t.Mydocker(append([]string{"run", "--name", "rewritten"}, w.args()...)...).Start()
	pid := w.find(t, p)
	st, err := readProcStat(pid)
	if err != nil {
		t.Broken(err)
	}

	var c shown
	id := ""
	t.Eventually(patience, func() bool {
		all, _ := ids(t)
		for _, id = range all {
			data, err := os.ReadFile(recordPath(t, id))
			c = shown{}
			if err == nil && json.Unmarshal(data, &c) == nil && c.Name == "rewritten" && c.PID != 0 {
				return true
			}
		}
		return false
	})
	if c.PID != pid || c.StartTime != st.start || c.BootID != bootID(t) {
		t.Saw(fmt.Sprintf("/proc/%d/stat, field 22", pid), fmt.Sprint(st.start))
		t.Saw("pid, start_time, boot_id in the record", fmt.Sprintf("%d, %d, %q", c.PID, c.StartTime, c.BootID))
		t.Wrong("identity",
			"the container runs as process %d, and no record says so with the process's start time and the boot id. Save the record again as soon as the process is there.",
			"контейнер работает как процесс %d, но ни в одной записи нет этого PID с временем старта процесса и идентификатором загрузки. Сохраните запись ещё раз, как только процесс появился.", pid)
	}

	f, err := os.Open(recordPath(t, id))
	if err != nil {
		t.Broken(err)
	}
	defer f.Close()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Broken(fmt.Errorf("kill(%d, SIGKILL): %w", pid, err))
	}
	expectCode(t, p.Wait(), 128+9, "mydocker run of a command that SIGKILL ended")
	var held unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &held); err != nil {
		t.Broken(err)
	}
	t.Saw("fstat of the record held open while it was rewritten", fmt.Sprintf("st_ino %d, st_nlink %d", held.Ino, held.Nlink))
	if held.Nlink != 0 {
		t.Wrong("in-place",
			"the record was rewritten in the file that was there: its inode has kept its name. A reader that comes between truncate and write sees half a record, and so does the next boot after a crash. Write another file, then rename(2) it. See proof `unlinked` for what a file without a name is.",
			"запись переписана прямо в существующем файле: его inode сохранил имя. Кто прочтёт его между усечением и записью, увидит половину, и после сбоя на диске останется она же. Запишите другой файл и сделайте rename(2). Что такое файл без имени, см. в доказательстве `unlinked`.")
	}
}

// noneIsLost starts many at once and reads meanwhile.
func noneIsLost(t *grade.T) {
	const many = 20
	before, _ := ids(t)
	var running []*grade.Process
	for i := range many {
		running = append(running, t.Mydocker("run", "--name", fmt.Sprintf("many-%d", i), "true").Start())
	}
	for range 5 {
		if _, stderr := ids(t); stderr != "" {
			t.Saw("mydocker ps -aq, while 20 containers start", strings.TrimSpace(stderr))
			t.Wrong("half-record",
				"while others were writing, ps saw a record that was not whole. A folder without a record is a container that is being created; a record must appear whole, by rename(2).",
				"пока другие писали, ps увидел неполную запись. Папка без записи означает, что контейнер создаётся; запись должна появляться сразу целой, через rename(2).")
		}
	}
	for i, p := range running {
		expectCode(t, p.Wait(), 0, fmt.Sprintf("mydocker run --name many-%d true, one of %d at once", i, many))
	}
	after, stderr := ids(t)
	t.Saw(fmt.Sprintf("mydocker ps -aq | wc -l, after %d runs at once", many), fmt.Sprint(len(after)-len(before)))
	if len(after)-len(before) != many {
		t.Wrong("lost-record",
			"%d containers ran at once, and %d of them are remembered. If all share a file, two read it, each adds its own, and the second to write wipes out the first (see proof `meet-file`). Give each container a folder of its own. ps said: %s",
			"одновременно отработали %d контейнеров, а помнит mydocker %d из них. Если файл общий, двое читают его, каждый дописывает своё, и второй стирает запись первого (см. доказательство `meet-file`). Заведите каждому контейнеру свою папку. ps сказал: %s",
			many, len(after)-len(before), orNothing(stderr))
	}
}

// nameIsTakenOnce lets eight want one name.
func nameIsTakenOnce(t *grade.T) {
	before, _ := ids(t)
	var rivals []*grade.Process
	for range 8 {
		rivals = append(rivals, t.Mydocker("run", "--name", "rival", "true").Start())
	}
	var codes []int
	for _, p := range rivals {
		codes = append(codes, p.Wait().Code)
	}
	slices.Sort(codes)
	t.Saw("exit codes of 8 × mydocker run --name rival true, at once", fmt.Sprint(codes))
	switch won := len(codes) - len(slices.DeleteFunc(slices.Clone(codes), func(code int) bool { return code == 0 })); {
	case won > 1:
		t.Wrong("name-twice",
			"%d of 8 got the same name. Between looking whether a name is free and taking it there is room for another: take it in one system call that fails if it is taken, symlink(2) or open(2) with O_EXCL.",
			"одно и то же имя получили %d из 8. Между проверкой, свободно ли имя, и его захватом помещается кто-то ещё: занимайте его одним системным вызовом, который не пройдёт, если имя занято: symlink(2) или open(2) с O_EXCL.", won)
	case won == 0:
		t.Wrong("name-none",
			"of 8 that wanted a free name none got it: one must win",
			"свободное имя хотели 8, не получил никто: один должен победить")
	case codes[1] != 125 || codes[7] != 125:
		t.Wrong("name-code",
			"a name that is taken is a failure of mydocker: exit code 125, not %v",
			"занятое имя означает отказ самого mydocker: код 125, а не %v", codes[1:])
	}
	if after, _ := ids(t); len(after) != len(before)+1 {
		t.Wrong("name-leftover",
			"one of 8 got the name, and there are %d new containers: who does not get the name must take back the folder it has made",
			"имя получил один из 8, а новых контейнеров %d: кому имя не досталось, должен убрать за собой созданную папку", len(after)-len(before))
	}
}

// damageIsReported spoils two records in two ways.
func damageIsReported(t *grade.T) {
	all, _ := ids(t)
	if len(all) < 3 {
		t.Broken(fmt.Errorf("%d containers, three needed", len(all)))
	}
	slices.Sort(all) // the damaged are not the last: a loop that stops at them is seen
	half, empty := all[0], all[1]
	whole, err := os.ReadFile(recordPath(t, half))
	if err != nil {
		t.Broken(err)
	}
	for id, data := range map[string][]byte{half: whole[:len(whole)/2], empty: nil} {
		readRecord(t, id)
		if err := os.WriteFile(recordPath(t, id), data, 0o600); err != nil {
			t.Broken(err)
		}
	}
	left, stderr := ids(t)
	t.Saw("mydocker ps -aq, 2 records of "+fmt.Sprint(len(all))+" damaged", fmt.Sprintf("%d lines; %s", len(left), orNothing(stderr)))
	for _, id := range all[2:] {
		if !slices.Contains(left, id) {
			t.Wrong("damage-hides",
				"two records are damaged, and ps no longer shows container %s, which is whole: go on after an error, and report at the end",
				"две записи повреждены, и ps больше не показывает контейнер %s, с которым всё в порядке: после ошибки идите дальше, а сообщите в конце", id)
		}
	}
	for _, id := range []string{half, empty} {
		if slices.Contains(left, id) {
			t.Wrong("damage-shown",
				"the record of %s cannot be read, and ps shows the container as if nothing had happened",
				"запись контейнера %s прочесть нельзя, а ps показывает его как ни в чём не бывало", id)
		}
		if !strings.Contains(stderr, id) {
			t.Wrong("damage-silent",
				"the record %s is damaged, and ps does not name it on stderr: who reads an empty list believes that nothing was there",
				"запись %s повреждена, а ps не называет её в stderr: кто увидит пустой список, решит, что ничего и не было", filepath.Base(filepath.Dir(recordPath(t, id))))
		}
	}
}
