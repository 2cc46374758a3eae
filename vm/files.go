package vm

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"mydocker.example/vm/internal/wire"
)

// Put writes a file into the guest, with the permission bits of mode. Folders on its way are made.
func (g *Guest) Put(ctx context.Context, name string, mode fs.FileMode, data io.Reader) error {
	id, frames, done := g.talk()
	defer done()
	if err := g.conn.SendJSON(wire.Put, id, wire.PutRequest{Path: name, Mode: uint32(mode.Perm())}); err != nil {
		return g.died(err)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{g.conn.Writer(wire.PutData, id)}, data, make([]byte, wire.MaxPayload)); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	if err := g.conn.Send(wire.PutEnd, id, nil); err != nil {
		return g.died(err)
	}
	return g.answer(ctx, frames, "put "+name, nil)
}

// PutFile is Put of a file of the host.
func (g *Guest) PutFile(ctx context.Context, name string, mode fs.FileMode, hostPath string) error {
	f, err := os.Open(hostPath)
	if err != nil {
		return err
	}
	defer f.Close()
	return g.Put(ctx, name, mode, f)
}

// fetchLimit is how many bytes a guest may hand out at once: it must not fill the host's disk.
const fetchLimit = 1 << 30

// Fetch copies what is below guestDir into hostDir, which is made if need be: folders and
// regular files, nothing else. The guest is not trusted: its names cannot leave hostDir
// (os.Root), its modes carry permission bits only, its size is bounded.
func (g *Guest) Fetch(ctx context.Context, guestDir, hostDir string) error {
	if err := os.MkdirAll(hostDir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(hostDir)
	if err != nil {
		return err
	}
	defer root.Close()
	id, frames, done := g.talk()
	defer done()
	if err := g.conn.Send(wire.Fetch, id, []byte(guestDir)); err != nil {
		return g.died(err)
	}
	r, w := io.Pipe()
	unpacked := make(chan error, 1)
	go func() {
		err := unpack(root, io.LimitReader(r, fetchLimit))
		io.Copy(io.Discard, r) // the answer comes after the data
		unpacked <- err
	}()
	err = g.answer(ctx, frames, "fetch "+guestDir, w)
	w.CloseWithError(err)
	return errors.Join(err, <-unpacked)
}

// answer waits for the end of a conversation; data on the way goes to w.
func (g *Guest) answer(ctx context.Context, frames <-chan wire.Frame, what string, w io.Writer) error {
	for {
		select {
		case f := <-frames:
			if f.Kind == wire.Data && w != nil {
				w.Write(f.Payload)
				continue
			}
			if f.Kind != wire.Exit {
				continue
			}
			var report wire.ExitReport
			if err := json.Unmarshal(f.Payload, &report); err != nil {
				return err
			}
			if report.Error != "" {
				return fmt.Errorf("%s: %s", what, report.Error)
			}
			return nil
		case <-g.dead:
			return g.died(nil)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func unpack(root *os.Root, r io.Reader) error {
	t := tar.NewReader(r)
	for {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("fetch: %w", err)
		}
		name, mode := path.Clean(head.Name), fs.FileMode(head.Mode).Perm()
		if head.Typeflag == tar.TypeDir {
			if err := root.MkdirAll(name, mode|0o700); err != nil {
				return err
			}
			continue
		}
		if head.Typeflag != tar.TypeReg {
			continue
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode|0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, t)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}
