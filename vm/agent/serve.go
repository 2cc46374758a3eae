//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mydocker.example/vm/internal/wire"
)

// portName is the name that the host gave to the port on QEMU's command line.
const portName = "lab.agent"

// serve answers the host until the port closes.
func serve() error {
	port, err := openPort(portName)
	if err != nil {
		return err
	}
	conn := wire.NewConn(port)
	go reap()
	if err := conn.Send(wire.Ready, 0, nil); err != nil {
		return err
	}
	commands := newCommands(conn)
	puts := map[uint32]*put{}
	for {
		f, err := conn.Receive()
		if err != nil {
			return fmt.Errorf("read from the lab's port: %w", err)
		}
		switch f.Kind {
		case wire.Wake:
			err = wake(f.Payload)
			if err == nil {
				err = conn.Send(wire.Awake, 0, nil)
			}
		case wire.Ping:
			err = conn.Send(wire.Pong, 0, nil)
		case wire.Exec:
			var req wire.ExecRequest
			if err = json.Unmarshal(f.Payload, &req); err == nil {
				commands.start(f.ID, req)
			}
		case wire.Stdin, wire.StdinEOF, wire.Resize, wire.Signal:
			commands.deliver(f)
		case wire.Put:
			puts[f.ID] = startPut(f.Payload)
		case wire.PutData:
			puts[f.ID].write(f.Payload)
		case wire.PutEnd:
			err = conn.SendJSON(wire.Exit, f.ID, puts[f.ID].end())
			delete(puts, f.ID)
		case wire.Fetch:
			go fetch(conn, f.ID, string(f.Payload))
		}
		if err != nil {
			return err
		}
	}
}

// openPort finds the port by its name: /sys/class/virtio-ports/vportNpM/name.
func openPort(name string) (*os.File, error) {
	found, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(data)) == name {
			return os.OpenFile(filepath.Join("/dev", filepath.Base(filepath.Dir(path))), os.O_RDWR, 0)
		}
	}
	return nil, fmt.Errorf("no virtio port is called %q", name)
}
