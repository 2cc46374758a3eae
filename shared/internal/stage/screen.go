package stage

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/term"

	"mydocker.example/shared/internal/lay"
	"mydocker.example/shared/prose"
)

// A Screen is a terminal with lines of help at the foot of what was written. The foot is
// taken away before more is written, so it is always below, and drawn again after that.
// Where the cursor cannot be moved (a pipe, TERM=dumb) the foot is written once and stays.
type Screen struct {
	Width, Height int  // Height 0: no end
	Moves         bool // the cursor can be moved
	Styled        bool // SGR (console_codes(4)) is understood and wanted

	mu    sync.Mutex
	out   io.Writer
	file  *os.File // whose size to ask for; nil: it does not change
	foot  int      // lines
	lines int      // written since Clear
	open  bool     // the last line has no end yet
}

// NewScreen looks at a file. NO_COLOR and TERM are obeyed.
func NewScreen(out *os.File) *Screen {
	s := &Screen{Width: 80, out: out}
	if term.IsTerminal(int(out.Fd())) {
		s.file = out
		s.Moves = os.Getenv("TERM") != "dumb"
		s.Styled = s.Moves && os.Getenv("NO_COLOR") == ""
		s.Measure()
	}
	return s
}

// NewScreenOn is a screen of a given size on any writer, which moves and is styled.
func NewScreenOn(out io.Writer, width, height int) *Screen {
	return &Screen{Width: width, Height: height, Moves: true, Styled: true, out: out}
}

// Measure asks for the terminal's size again.
func (s *Screen) Measure() {
	if s.file == nil {
		return
	}
	if w, h, err := term.GetSize(int(s.file.Fd())); err == nil && w > 0 && h > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.Width, s.Height = w, h
	}
}

// Style paints text, if this screen is painted. sgr is of console_codes(4).
func (s *Screen) Style(sgr, text string) string {
	if !s.Styled || sgr == "" || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;:]*m`)
var moves = regexp.MustCompile(`\x1b\[[0-9;?]*[@-ln-~]`)

// Write writes above the foot. What this screen does not understand is left out.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unfoot()
	text := p
	if !s.Styled {
		text = sgr.ReplaceAll(text, nil)
	}
	if !s.Moves {
		text = moves.ReplaceAll(text, nil)
	}
	s.lines += bytes.Count(text, []byte("\n"))
	if len(text) > 0 {
		s.open = text[len(text)-1] != '\n'
	}
	if _, err := s.out.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Clear empties the screen; where that cannot be, an empty line parts the old from the new.
func (s *Screen) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.foot, s.lines, s.open = 0, 0, false
	if s.Moves {
		io.WriteString(s.out, "\x1b[H\x1b[2J")
	} else {
		io.WriteString(s.out, "\n")
	}
}

// Scrolled says that the first line has left the screen, or will when a foot of n lines comes.
func (s *Screen) Scrolled(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Height > 0 && s.lines+n > s.Height
}

// Foot draws lines below all that was written, in the place of those that are there.
func (s *Screen) Foot(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.Moves {
		fmt.Fprintln(s.out, strings.Join(lines, "\n"))
		return
	}
	if s.open { // the cursor stands in the middle of what a program draws
		return
	}
	s.unfoot()
	for i, line := range lines {
		if i > 0 {
			io.WriteString(s.out, "\n")
		}
		io.WriteString(s.out, "\r\x1b[K"+s.cut(line))
	}
	s.foot = len(lines)
}

// cut keeps a line from being broken by the terminal, which would make it two.
func (s *Screen) cut(line string) string {
	if bare := sgr.ReplaceAllString(line, ""); prose.Columns(bare) >= s.Width {
		return s.Style("2", lay.Cut(bare, s.Width-1))
	}
	return line
}

// NoFoot takes the foot away.
func (s *Screen) NoFoot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unfoot()
}

func (s *Screen) unfoot() {
	if s.foot == 0 {
		return
	}
	text := "\r"
	if s.foot > 1 {
		text += fmt.Sprintf("\x1b[%dA", s.foot-1)
	}
	io.WriteString(s.out, text+"\x1b[J")
	s.foot = 0
}

// Two is text in at most two lines: a title at the foot must not push the rest away.
func Two(text string, width int) []string {
	lines := prose.Wrap(text, width, "  ")
	if len(lines) > 2 {
		rest := strings.Fields(strings.Join(lines[1:], " "))
		lines = []string{lines[0], lay.Cut("  "+strings.Join(rest, " "), width)}
	}
	return lines
}
