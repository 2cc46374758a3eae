// Package transcript holds the shell blocks of the texts against what a shell prints:
//
//	<!-- transcript: student -->
//	```console
//	$ id -u
//	1000
//	```
//
// Lines that begin with "$ " or "# " are commands, "> " continues one, the rest is what it
// printed. A line that is … alone stands for any lines. The comment is optional: "student"
// runs the block as the ordinary user, "skip" and a reason leaves it alone.
package transcript

import (
	"fmt"
	"regexp"
	"strings"

	"mydocker.example/shared/prose"
)

// A Block is one console fence of a text.
type Block struct {
	Line     int    // of the opening fence, from 1
	end      int    // of the closing fence
	User     string // "" or "student"
	Skip     string // why it is not run
	Commands []Command
}

// A Command is what was typed, and what the text says it printed.
type Command struct {
	Prompt string // "$" or "#"
	Input  []string
	Output []string
}

var remark = regexp.MustCompile(`^<!-- transcript: (.*?) ?-->$`)

// Parse finds the blocks of a text.
func Parse(text string) ([]Block, error) {
	var blocks []Block
	var fence prose.Fence
	var current *Block
	before := ""
	for i, line := range strings.Split(text, "\n") {
		inside := fence.Inside(line)
		switch {
		case inside && current == nil && fence.Mark(line) && fence.Info == "console":
			current = &Block{Line: i + 1}
			if err := current.heed(before); err != nil {
				return nil, fmt.Errorf("line %d: %w", i, err)
			}
		case current != nil && fence.Mark(line):
			current.end = i + 1
			blocks, current = append(blocks, *current), nil
		case current != nil:
			if err := current.add(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		case inside && fence.Mark(line):
			fence.Info = "" // the closing mark must not look like an opening one
		}
		before = line
	}
	return blocks, nil
}

// heed reads the comment above a block.
func (b *Block) heed(line string) error {
	m := remark.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return nil
	}
	why, skip := strings.CutPrefix(m[1], "skip ")
	switch {
	case skip:
		b.Skip = why
	case m[1] == "student":
		b.User = "student"
	default:
		return fmt.Errorf("a transcript is \"student\" or \"skip\" with a reason, not %q", m[1])
	}
	return nil
}

func (b *Block) add(line string) error {
	prompt, input, ok := strings.Cut(line, " ")
	if ok && (prompt == "$" || prompt == "#") {
		b.Commands = append(b.Commands, Command{Prompt: prompt, Input: []string{input}})
		return nil
	}
	if len(b.Commands) == 0 {
		return fmt.Errorf("output before the first command: %q", line)
	}
	last := &b.Commands[len(b.Commands)-1]
	if len(last.Output) == 0 && (line == ">" || ok && prompt == ">") {
		last.Input = append(last.Input, input)
		return nil
	}
	last.Output = append(last.Output, line)
	return nil
}

// lines is the block as it stands in the text, without its fences.
func (b Block) lines() (out []string) {
	for _, c := range b.Commands {
		for i, input := range c.Input {
			prompt := c.Prompt
			if i > 0 {
				prompt = ">"
			}
			out = append(out, strings.TrimRight(prompt+" "+input, " "))
		}
		out = append(out, c.Output...)
	}
	return out
}

// Rewrite puts blocks in the place of the text's own, one for one.
func Rewrite(text string, blocks []Block) (string, error) {
	old, err := Parse(text)
	if err != nil {
		return "", err
	}
	if len(old) != len(blocks) {
		return "", fmt.Errorf("%d console blocks instead of %d", len(old), len(blocks))
	}
	lines := strings.Split(text, "\n")
	for i := len(old) - 1; i >= 0; i-- {
		tail := append([]string{}, lines[old[i].end-1:]...)
		lines = append(append(lines[:old[i].Line], blocks[i].lines()...), tail...)
	}
	return strings.Join(lines, "\n"), nil
}
