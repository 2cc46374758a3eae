package prose

import (
	"regexp"
	"strconv"
)

// Times are what a lesson's text plans, in minutes. They stand in it once, behind **Time**:
//
//	about 70 minutes to read and to type the practice, a minute for the proofs to run
//	минут 70 на чтение и практику, минута на доказательства
type Times struct {
	Study int  // to go through the lesson
	Run   int  // for all proofs to run
	Under bool // … less than that
}

var (
	study = regexp.MustCompile(`\*\*(?:Time|Время)\*\*: (?:about|минут) ([0-9]+)`)
	run   = regexp.MustCompile(`, (under |меньше )?(a|two|минута|минуты|две|[0-9]+)(?: minutes?| минуты?| минут)? (?:for the proofs to run|на доказательства)`)
	count = map[string]int{"a": 1, "минута": 1, "минуты": 1, "two": 2, "две": 2}
)

// ReadTimes finds the times; a text may have none.
func ReadTimes(md []byte) (t Times, ok bool) {
	s, r := study.FindSubmatch(md), run.FindSubmatch(md)
	if s == nil || r == nil {
		return t, false
	}
	t.Study, _ = strconv.Atoi(string(s[1]))
	t.Under = len(r[1]) > 0
	if t.Run = count[string(r[2])]; t.Run == 0 {
		t.Run, _ = strconv.Atoi(string(r[2]))
	}
	return t, t.Study > 0 && t.Run > 0
}
