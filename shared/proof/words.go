package proof

import (
	"strings"

	"golang.org/x/sys/unix"
)

// words are the engine's own, in one language. Facts need none: they are the kernel's.
type words struct {
	proved, refuted     string
	notShown            string
	without, with       string // the labels of an attack's halves
	attack, succeeded   string
	left                string
	likely              string // under a reason that came from the kernel
	console             string
	summaryProved       string
	summaryRefuted      string
	summaryNotShown     string
	noImage             string
	recorded            string // of a recording
	recordedOne         string
	notRecorded         string
	badMinutes, badSize string

	// Reasons.
	noFact, noNumber, notEqual, notSame, notDiffer string
	died, hung, cutShort                           string
	halfMissing, halfBroken                        string
	withoutFailed, withSucceeded, wrongErrno       string
}

var english = words{
	proved: "PROVED", refuted: "REFUTED", notShown: "NOT SHOWN",
	without: "Without the mechanism", with: "With the mechanism",
	attack: "the attack", succeeded: "succeeded",
	left:          "left behind, ended by the engine",
	likely:        "likely: %s",
	console:       "the guest's console ended with",
	summaryProved: "proved: %d", summaryRefuted: "refuted: %d (%s)", summaryNotShown: "not shown: %d (%s)",
	noImage:     "Build it: make vm",
	recorded:    "recorded: %s\nto play it: %s\n",
	recordedOne: "%-5s %-24s %s  %.1f s\n",
	notRecorded: "a claim was refuted: nothing is recorded, and an older recording is as it was",
	badMinutes:  "MINUTES=%s: it is a number of minutes, 1 to 1000",
	badSize:     "SIZE=%s: it is columns and rows, as in SIZE=80x24, at least 40x12",

	noFact:    "the proof did not report %q",
	noNumber:  "%s: %q is not a number",
	notEqual:  "%s: the answer is %q, and should be %q",
	notSame:   "the answers should be the same: %s: %q; %s: %q",
	notDiffer: "the answers should differ: %s and %s: both %q",
	died:      "the guest died during the proof",
	hung:      "the proof did not end within %v",
	cutShort:  "the proof ended before its end, with exit code %d; it said last: %s",

	halfMissing:   "%s: the attack did not run",
	halfBroken:    "%s: the attack could not be set up",
	withoutFailed: "without the mechanism the attack must succeed, or its failure shows nothing; it failed",
	withSucceeded: "with the mechanism the attack must fail; it succeeded",
	wrongErrno:    "with the mechanism the attack must fail with %s; it failed otherwise",
}

var russian = words{
	proved: "ДОКАЗАНО", refuted: "ОПРОВЕРГНУТО", notShown: "НЕ ПОКАЗАНО",
	without: "Без механизма", with: "С механизмом",
	attack: "атака", succeeded: "удалась",
	left:          "остались процессы, завершены принудительно",
	likely:        "вероятная причина: %s",
	console:       "последние строки консоли гостя",
	summaryProved: "доказано: %d", summaryRefuted: "опровергнуто: %d (%s)", summaryNotShown: "не показано: %d (%s)",
	noImage:     "Соберите его: make vm",
	recorded:    "записано: %s\nпоказать: %s\n",
	recordedOne: "%-5s %-24s %s  %.1f с\n",
	notRecorded: "утверждение опровергнуто: ничего не записано, прежняя запись осталась как была",
	badMinutes:  "MINUTES=%s: нужно число минут, от 1 до 1000",
	badSize:     "SIZE=%s: нужны столбцы и строки, как в SIZE=80x24, не меньше 40x12",

	noFact:    "доказательство не сообщило %q",
	noNumber:  "%s: %q — не число",
	notEqual:  "%s: ответ %q, а должен быть %q",
	notSame:   "ответы должны совпадать: %s: %q; %s: %q",
	notDiffer: "ответы должны различаться: %s и %s: оба %q",
	died:      "гость умер во время доказательства",
	hung:      "доказательство не закончилось за %v",
	cutShort:  "доказательство прервалось с кодом %d; его последние слова: %s",

	halfMissing:   "%s: атака не запускалась",
	halfBroken:    "%s: не удалось подготовить атаку",
	withoutFailed: "без механизма атака обязана удаться, иначе её провал ничего не значит; она не удалась",
	withSucceeded: "с механизмом атака обязана провалиться; она удалась",
	wrongErrno:    "с механизмом атака обязана провалиться с %s; она провалилась иначе",
}

func inLanguage(lang string) *words {
	if lang == "ru" {
		return &russian
	}
	return &english
}

// half is the label of a half.
func (w *words) half(name string) string {
	if name == with {
		return w.with
	}
	return w.without
}

// errnoNames lists what the kernel should have answered: EACCES, EPERM.
func errnoNames(errnos []unix.Errno) string {
	var names []string
	for _, e := range errnos {
		names = append(names, unix.ErrnoName(e))
	}
	return strings.Join(names, ", ")
}
