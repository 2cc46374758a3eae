//go:build linux

package main

import (
	"archive/tar"
	"bufio"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mydocker.example/vm/internal/wire"
)

// A put is a file on its way in. It is written beside its place and renamed, so that a
// program is whole as soon as its name exists.
type put struct {
	req  wire.PutRequest
	file *os.File
	err  error
}

func startPut(payload []byte) *put {
	p := &put{}
	if p.err = json.Unmarshal(payload, &p.req); p.err != nil {
		return p
	}
	if p.err = os.MkdirAll(filepath.Dir(p.req.Path), 0o755); p.err != nil {
		return p
	}
	p.file, p.err = os.CreateTemp(filepath.Dir(p.req.Path), ".put-")
	return p
}

func (p *put) write(data []byte) {
	if p != nil && p.err == nil {
		_, p.err = p.file.Write(data)
	}
}

func (p *put) end() wire.ExitReport {
	if p == nil {
		return wire.ExitReport{Code: 1, Error: "no such file was announced"}
	}
	if p.file != nil {
		if err := p.file.Close(); p.err == nil {
			p.err = err
		}
	}
	if p.err == nil {
		p.err = os.Chmod(p.file.Name(), fs.FileMode(p.req.Mode))
	}
	if p.err == nil {
		p.err = os.Rename(p.file.Name(), p.req.Path)
	}
	if p.err != nil {
		if p.file != nil {
			os.Remove(p.file.Name())
		}
		return wire.ExitReport{Code: 1, Error: p.err.Error()}
	}
	return wire.ExitReport{}
}

// fetch sends a folder as a tar stream: folders and regular files, nothing else.
func fetch(conn *wire.Conn, id uint32, dir string) {
	out := bufio.NewWriterSize(conn.Writer(wire.Data, id), wire.MaxPayload)
	w := tar.NewWriter(out)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return addToTar(w, dir, path, d)
	})
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = out.Flush()
	}
	report := wire.ExitReport{}
	if err != nil {
		report = wire.ExitReport{Code: 1, Error: err.Error()}
	}
	conn.SendJSON(wire.Exit, id, report)
}

func addToTar(w *tar.Writer, dir, path string, d fs.DirEntry) error {
	if !d.IsDir() && !d.Type().IsRegular() {
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	head, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	if head.Name, err = filepath.Rel(dir, path); err != nil {
		return err
	}
	if err := w.WriteHeader(head); err != nil || d.IsDir() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(w, f, head.Size) // no more than announced: the file may still grow
	return err
}
