package vm

import (
	"encoding/json"
	"fmt"
	"io"
)

// A qmpAnswer is one message of QEMU's machine protocol: a greeting, an event, a result or an
// error (QEMU Machine Protocol Specification).
type qmpAnswer struct {
	Greeting json.RawMessage `json:"QMP"`
	Event    string          `json:"event"`
	Return   json.RawMessage `json:"return"`
	Error    *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
}

// qmpQuery sends a command and reads to its answer, past the greeting and events.
func qmpQuery(rw io.ReadWriter, command string, arguments any) (json.RawMessage, error) {
	request := map[string]any{"execute": command}
	if arguments != nil {
		request["arguments"] = arguments
	}
	data, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if _, err := rw.Write(append(data, '\n')); err != nil {
		return nil, fmt.Errorf("QMP %s: %w", command, err)
	}
	for {
		line, err := readLine(rw)
		if err != nil {
			return nil, fmt.Errorf("QMP %s: %w", command, err)
		}
		var answer qmpAnswer
		if err := json.Unmarshal(line, &answer); err != nil {
			return nil, fmt.Errorf("QMP %s: %w", command, err)
		}
		if answer.Error != nil {
			return nil, fmt.Errorf("QMP %s: %s", command, answer.Error.Desc)
		}
		if answer.Return != nil {
			return answer.Return, nil
		}
	}
}

// readLine reads byte by byte: what follows the line belongs to the next call.
func readLine(r io.Reader) ([]byte, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		if _, err := io.ReadFull(r, one); err != nil {
			return nil, err
		}
		if one[0] == '\n' {
			return line, nil
		}
		line = append(line, one[0])
	}
}
