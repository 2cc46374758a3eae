package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"mydocker.example/shared/course/internal/doctor"
	"mydocker.example/shared/course/internal/tree"
)

// devcontainerKeys are those of the dev container metadata reference that a container of an
// image may have. A key that is misspelled is ignored there without a word.
var devcontainerKeys = []string{
	"name", "image", "features", "overrideFeatureInstallOrder", "forwardPorts", "portsAttributes", "otherPortsAttributes",
	"containerEnv", "remoteEnv", "containerUser", "remoteUser", "updateRemoteUserUID", "userEnvProbe", "overrideCommand",
	"shutdownAction", "init", "privileged", "capAdd", "securityOpt", "mounts", "runArgs", "workspaceMount", "workspaceFolder",
	"initializeCommand", "onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand", "postAttachCommand",
	"waitFor", "hostRequirements", "customizations",
}

// devcontainer holds .devcontainer/devcontainer.json against that list and against go.work.
func devcontainer(t tree.Tree) error {
	data, err := os.ReadFile(t.Path(".devcontainer", "devcontainer.json"))
	if err != nil {
		return err
	}
	var c map[string]json.RawMessage
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	var wrong []error
	for key := range c {
		if !slices.Contains(devcontainerKeys, key) {
			wrong = append(wrong, fmt.Errorf("%q is no key of a devcontainer.json", key))
		}
	}
	var image string
	if err := json.Unmarshal(c["image"], &image); err != nil {
		return errors.Join(append(wrong, fmt.Errorf("image: %w", err))...)
	}
	// 1.26.0 is made by golang:1.26.
	version := doctor.GoNeeded(t)
	version = version[:strings.LastIndex(version, ".")]
	if want := "golang:" + version + "-bookworm"; image != want {
		wrong = append(wrong, fmt.Errorf("the image is %s, and go.work asks for %s", image, want))
	}
	return errors.Join(wrong...)
}
