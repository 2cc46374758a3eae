package transcript

import (
	"fmt"
	"strconv"
	"strings"
)

// mark separates what one command printed from the next (ASCII record separator).
const mark = "\x1e"

// firstPID is where the kernel's count of processes is set before a block: numbers from here
// on are PIDs, whatever else the block prints.
const firstPID = 3000

// Script is the block as input of one bash. Between commands it prints marks, without
// touching $?; at its end it says how far the count of processes has come.
func (b Block) Script() string {
	var s strings.Builder
	fmt.Fprintf(&s, "exec 2>&1 3>&-\nmark() { local code=$?; printf '\\036%%s\\n' \"$1\"; return $code; }\n")
	for i, c := range b.Commands {
		fmt.Fprintf(&s, "mark %d\n%s\n", i, strings.Join(c.Input, "\n"))
	}
	s.WriteString("mark end\ncat /proc/sys/kernel/ns_last_pid\nkill $(jobs -p) 2>/dev/null\n")
	return s.String()
}

// Prepare is run by root before the block: it sets the count of processes.
func Prepare() string { return fmt.Sprintf("echo %d > /proc/sys/kernel/ns_last_pid", firstPID) }

// A Run is what the commands of a block printed.
type Run struct {
	Outputs [][]string
	lastPID int
}

// Split takes the output of the script apart.
func (b Block) Split(output string) (Run, error) {
	run := Run{lastPID: firstPID}
	parts := strings.Split(strings.ReplaceAll(output, "\r\n", "\n"), mark)
	for i, part := range parts[1:] {
		name, text, _ := strings.Cut(part, "\n")
		switch {
		case name == "end":
			run.lastPID, _ = strconv.Atoi(strings.TrimSpace(text))
		case name != strconv.Itoa(i):
			return run, fmt.Errorf("after command %d came %q", i, name)
		default:
			run.Outputs = append(run.Outputs, split(text))
		}
	}
	if len(run.Outputs) < len(b.Commands) || !strings.Contains(output, mark+"end\n") {
		return run, fmt.Errorf("the shell ended in %q", b.Commands[max(0, len(run.Outputs)-1)].Input[0])
	}
	return run, nil
}

// split is the lines of a text without the empty ones at its end.
func split(text string) []string {
	text = strings.TrimRight(text, "\n \t")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return lines
}

// Updated is the block with what was printed this time, for the commands that differ.
func (b Block) Updated(run Run) Block {
	commands := append([]Command{}, b.Commands...)
	for i := range commands {
		commands[i].Output = run.Outputs[i]
	}
	b.Commands = commands
	return b
}
