package lab

import (
	"regexp"
	"strings"
)

// A CompileError is what the go command had to say of a program that does not build.
type CompileError struct {
	Dir    string
	Output string
}

var (
	beside = regexp.MustCompile(`^(\./)?([\w.-]+(/[\w.-]+)*\.go:\d+)`)
	// An import that no go.mod has is looked for in the network, and there may be none.
	unreachable = regexp.MustCompile(`: Get "[^"]*": .*`)
	insides     = regexp.MustCompile(` \(/\S*\)$`) // where the go command has looked
)

// Lines are the compiler's words without the go command's: file:line:column: what is wrong.
// The file is named as prefix says.
func (e *CompileError) Lines(prefix string) (lines []string) {
	for line := range strings.Lines(e.Output) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "# "), strings.HasPrefix(line, "go: downloading "):
			continue
		case strings.HasPrefix(line, "\tgo get "), strings.HasPrefix(line, "\tgo mod "):
			continue
		}
		line = strings.TrimPrefix(line, "go: ")
		line = strings.TrimSuffix(line, "; to add it:")
		line = strings.ReplaceAll(line, e.Dir+"/", "")
		line = unreachable.ReplaceAllString(line, ": not in the module cache, and it cannot be fetched")
		line = insides.ReplaceAllString(line, "")
		line = beside.ReplaceAllString(line, prefix+"/$2")
		lines = append(lines, line)
	}
	return lines
}

func (e *CompileError) Error() string {
	return "does not compile\n" + strings.Join(e.Lines("."), "\n")
}
