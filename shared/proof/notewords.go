package proof

// noteWords are those of the notes, in one language.
type noteWords struct {
	wait, over, runs      string // the stage
	typed, begin, listen  string // what to type
	shell, between, turn  string // parts of the text
	planned, gone, left   string // the clock
	behind, ahead, onTime string
	share                 string // of the handout
}

func speakersWords(lang string) *noteWords {
	if lang == "ru" {
		return &noteWords{
			wait: "жду урок %02d", over: "урок закончен", runs: "идёт",
			typed: "набрать: ", begin: "STEP=1 make lesson-%02d в другом терминале", listen: "ничего, доказательство идёт",
			shell: "Набрать в make vm:", between: "До следующего в тексте: ", turn: " · Enter листает, b назад, q выход",
			planned: "план %d мин, на это %d", gone: "прошло %d мин",
			left:   "осталось %d мин из %d, на это %d",
			behind: "; отстаём на %d мин", ahead: "; опережаем на %d мин", onTime: "; идём по плану",
			share: "с %d-й минуты, %d мин",
		}
	}
	return &noteWords{
		wait: "waiting for lesson %02d", over: "the lesson is over", runs: "running",
		typed: "type: ", begin: "STEP=1 make lesson-%02d in another terminal", listen: "nothing, the proof is running",
		shell: "Type in make vm:", between: "Before the next one the text has: ", turn: " · Enter turns, b back, q quit",
		planned: "plan %d min, for this one %d", gone: "%d min gone",
		left:   "%d min left of %d, for this one %d",
		behind: "; %d min behind", ahead: "; %d min ahead", onTime: "; on time",
		share: "from minute %d, for %d min",
	}
}
