package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"time"

	"mydocker.example/shared/network"
	"mydocker.example/shared/store"
)

// An inspection is all that is known of a container. id, pid and status have the OCI
// specification's names and meaning (runtime.md, "State"), and so has what is in config.
type inspection struct {
	OCIVersion string      `json:"ociVersion"`
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Status     store.State `json:"status"`
	Pid        int         `json:"pid,omitempty"` // of process 1, outside
	Bundle     string      `json:"bundle"`        // its folder
	Created    time.Time   `json:"created"`
	Finished   time.Time   `json:"finished,omitzero"`
	ExitCode   *int        `json:"exitCode,omitempty"`
	Pids       []PID       `json:"pids"`
	Network    *address    `json:"network,omitempty"`
	Config     Spec        `json:"config"`
}

// An address is where a container is on the bridge, while it runs.
type address struct {
	Interface  string       `json:"interface"` // the host's end
	IPAddress  netip.Addr   `json:"ipAddress"`
	Subnet     netip.Prefix `json:"subnet"`
	Gateway    netip.Addr   `json:"gateway"`
	MacAddress string       `json:"macAddress"`
}

// inspect prints containers as JSON: a list, as docker does.
func inspect(s store.Store, args []string, w io.Writer) error {
	refs, err := newFlags("inspect").parse(args)
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		return errors.New("inspect: which container?")
	}
	list, errs := []inspection{}, []error{}
	for _, ref := range refs {
		one, err := inspectOne(s, ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, one)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return errors.Join(append(errs, enc.Encode(list))...)
}

func inspectOne(s store.Store, ref string) (i inspection, err error) {
	r, err := s.Find(ref)
	if err != nil {
		return i, err
	}
	row, err := look(s, r)
	if err != nil {
		return i, err
	}
	i = inspection{
		OCIVersion: "1.2.0", ID: r.ID, Name: r.Name, Status: ociStatus(row.State), Bundle: s.Dir(r.ID),
		Created: r.Created, Finished: r.Finished, ExitCode: r.ExitCode, Pids: row.PIDs, Config: row.spec,
	}
	if !row.lives() {
		return i, nil
	}
	i.Pid = r.PID
	if row.spec.NetworkMode == "bridge" {
		e, found, err := network.Default.Find(r.ID)
		if err != nil {
			return i, err
		}
		if found {
			i.Network = &address{e.Interface, e.Address.Addr(), e.Address.Masked(), e.Gateway, e.MAC}
		}
	}
	return i, nil
}

// ociStatus: what docker calls exited is stopped there.
func ociStatus(state store.State) store.State {
	if state == store.Exited {
		return "stopped"
	}
	return state
}
