package stage

import "strings"

// Words are the stage's own, in one language.
type Words struct {
	Run, Then, End, Back, Jump, Again, More, Quit, Keys string // hints
	NextIs, Last                                        string // before the title of the next step
	Running                                             string
	Of                                                  string // step of how many
	TextPage                                            string
	NoSuch                                              string
	Play, Playing, Paused, GoOn                         string // of a recording
	Small                                               string
	help, helpOfPlayer                                  string
	clock, gone, planned                                string
}

var english = Words{
	Run: "Enter run", Then: "Enter next", End: "Enter end", Back: "b back", Jump: "number jump", Again: "r again", More: "t text", Quit: "q quit", Keys: "? keys",
	NextIs: "next: ", Last: "this is the last one",
	Running:  "running, %d s",
	Of:       "%d of %d",
	TextPage: "text %d/%d",
	NoSuch:   "no such proof: %s",
	Play:     "Enter play", Playing: "recorded %s", Paused: "paused", GoOn: "Space go on · Enter to the end of it · q quit",
	Small: "recorded for %d x %d; this terminal is %d x %d: make it larger, or record with SIZE=%[3]dx%[4]d",
	help: `Enter, Space, →, PgDn   run the proof; when it has run, the next one
b, ←, PgUp              back to the one before
r                       run it again
t                       the text: its next page; after a run, the text again
3 or 1.3, then Enter    jump there
q                       quit
?                       these keys`,
	helpOfPlayer: `Enter, →, PgDn          play the proof; when it has played, the next one
Space                   the same; while it plays: pause
b, ←, PgUp              back to the one before
r                       play it again
3 or 1.3, then Enter    jump there
q                       quit
?                       these keys`,
	clock: "%d min, plan %d of %d", gone: "%d min", planned: "plan %d min",
}

var russian = Words{
	Run: "Enter запустить", Then: "Enter дальше", End: "Enter конец", Back: "b назад", Jump: "номер — перейти", Again: "r ещё раз", More: "t текст", Quit: "q выход", Keys: "? клавиши",
	NextIs: "дальше: ", Last: "это последнее",
	Running:  "идёт, %d с",
	Of:       "%d из %d",
	TextPage: "текст %d/%d",
	NoSuch:   "нет такого доказательства: %s",
	Play:     "Enter показать", Playing: "запись от %s", Paused: "пауза", GoOn: "пробел — продолжить · Enter — сразу к концу · q выход",
	Small: "записано для %d x %d, а здесь %d x %d: увеличьте терминал или запишите с SIZE=%[3]dx%[4]d",
	help: `Enter, пробел, →, PgDn  запустить доказательство, затем перейти к следующему
b, ←, PgUp              вернуться к предыдущему
r                       запустить ещё раз
t                       текст: следующая страница; после запуска — снова текст
3 или 1.3, затем Enter  перейти туда
q                       выход
?                       эти клавиши`,
	helpOfPlayer: `Enter, →, PgDn          показать доказательство, затем перейти к следующему
пробел                  то же, а во время показа — пауза
b, ←, PgUp              вернуться к предыдущему
r                       показать ещё раз
3 или 1.3, затем Enter  перейти туда
q                       выход
?                       эти клавиши`,
	clock: "%d мин, план %d из %d", gone: "%d мин", planned: "план %d мин",
}

// In gives the words of a language.
func In(lang string) *Words {
	if lang == "ru" {
		return &russian
	}
	return &english
}

// Help names the keys, a line each; HelpOfPlayer those of a recording.
func (w *Words) Help() []string         { return strings.Split(w.help, "\n") }
func (w *Words) HelpOfPlayer() []string { return strings.Split(w.helpOfPlayer, "\n") }
