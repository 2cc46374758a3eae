package prose

import "strings"

// A Fence follows the code fences of a markdown text, line by line.
type Fence struct {
	mark string // what opened the fence: three or more ` or ~; empty outside
	Info string // what stood behind the opening mark: the language
}

// Inside says whether line belongs to a fence, its marks included. Call it for every
// line, in order.
func (f *Fence) Inside(line string) bool {
	text := strings.TrimLeft(line, " ")
	mark := leading(text)
	if f.mark == "" {
		if len(mark) < 3 {
			return false
		}
		f.mark, f.Info = mark, strings.TrimSpace(text[len(mark):])
		return true
	}
	// A closing mark is of the same kind, at least as long, and alone on its line.
	if strings.HasPrefix(mark, f.mark) && strings.TrimSpace(text[len(mark):]) == "" {
		f.mark = ""
	}
	return true
}

// Mark says whether line, for which Inside was true, opened or closed the fence.
func (f *Fence) Mark(line string) bool {
	return len(leading(strings.TrimLeft(line, " "))) >= 3
}

// leading is the run of ` or ~ that text begins with.
func leading(text string) string {
	for _, kind := range []string{"`", "~"} {
		if rest := strings.TrimLeft(text, kind); rest != text {
			return text[:len(text)-len(rest)]
		}
	}
	return ""
}
