package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/rootfs"
)

// runc is what docker calls to isolate a process. What it is to do stands in config.json,
// the OCI runtime specification; docker writes one for each container, and so do we.

// startByRunc starts sleep in a container, and returns its PID on this side.
func startByRunc(r *proof.Report) (pid int, end func(), err error) {
	bundle, err := os.MkdirTemp("", "bundle-")
	if err != nil {
		return 0, nil, err
	}
	end = func() { os.RemoveAll(bundle) }
	defer func() {
		if err != nil {
			end()
		}
	}()
	// The user that root inside really is has to get in.
	if err := os.Chmod(bundle, 0o755); err != nil {
		return 0, nil, err
	}
	if err := rootfs.Default(filepath.Join(bundle, "rootfs")); err != nil {
		return 0, nil, err
	}
	if err := runc(bundle, "spec"); err != nil {
		return 0, nil, err
	}
	if err := adaptSpec(filepath.Join(bundle, "config.json")); err != nil {
		return 0, nil, err
	}
	name := filepath.Base(bundle)
	r.Saw("", "runc", "runc run -d "+name)
	if err := runc(bundle, "run", "-d", "--pid-file", "pid", name); err != nil {
		return 0, nil, err
	}
	end = func() { runc(bundle, "delete", "-f", name); os.RemoveAll(bundle) }
	text, err := os.ReadFile(filepath.Join(bundle, "pid"))
	if err != nil {
		return 0, nil, err
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return pid, end, err
}

// runc calls it in its bundle. The container keeps what it is given as output: a file, or we
// would wait for the end of a pipe that never ends.
func runc(bundle string, args ...string) error {
	log, err := os.Create(filepath.Join(bundle, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("runc", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = bundle, log, log
	if err := cmd.Run(); err != nil {
		said, readErr := os.ReadFile(log.Name())
		return errors.Join(fmt.Errorf("runc %s: %w\n%s", strings.Join(args, " "), err, said), readErr)
	}
	return nil
}

// object is a piece of JSON of which we know only the part that we change.
type object = map[string]any

// adaptSpec asks for what `runc spec` leaves out: users of its own, limits, a filter.
func adaptSpec(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var spec struct {
		Process object `json:"process"`
		Linux   object `json:"linux"`
	}
	var whole object
	if err := errors.Join(json.Unmarshal(text, &spec), json.Unmarshal(text, &whole)); err != nil {
		return err
	}
	spec.Process["terminal"] = false
	spec.Process["args"] = []string{"sleep", "71078"}

	namespaces, ok := spec.Linux["namespaces"].([]any)
	if !ok {
		return fmt.Errorf("%s: no linux.namespaces", path)
	}
	spec.Linux["namespaces"] = append(namespaces, object{"type": "user"})
	ids := []object{{"containerID": 0, "hostID": finalUID, "size": finalIDs}}
	spec.Linux["uidMappings"], spec.Linux["gidMappings"] = ids, ids
	spec.Linux["resources"] = object{
		"memory": object{"limit": finalMemory},
		"pids":   object{"limit": finalPids},
		"cpu":    object{"quota": finalCPU, "period": 100000},
	}
	// runc has no filter of its own: docker passes one. This one is small.
	spec.Linux["seccomp"] = object{
		"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls":      []object{{"names": []string{"add_key", "keyctl", "request_key"}, "action": "SCMP_ACT_ERRNO"}},
	}
	whole["process"], whole["linux"] = spec.Process, spec.Linux
	text, err = json.MarshalIndent(whole, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
