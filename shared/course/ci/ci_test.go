// Package ci_test lints the templates for grading on somebody else's machines. No service of
// that kind is asked: what is held is what can be known here, that a file is YAML without a
// word that its reader does not know, that jobs and what they need are there, and that each
// piece of shell parses.
//
// Once, by hand, and after each change: go run github.com/rhysd/actionlint/cmd/actionlint@latest github/*.yml
package ci_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// A workflow is as much of GitHub's language as the templates speak.
type workflow struct {
	Name        string
	On          yaml.Node
	Permissions map[string]string
	Env         map[string]string
	Jobs        map[string]struct {
		Needs    string
		If       string
		RunsOn   string `yaml:"runs-on"`
		Timeout  int    `yaml:"timeout-minutes"`
		Outputs  map[string]string
		Strategy struct {
			FailFast *bool `yaml:"fail-fast"`
			Matrix   map[string]string
		}
		Steps []struct {
			ID, Name, If, Uses, Run string
			With                    map[string]any
			Env                     map[string]string
		}
	}
}

// A job is as much of GitLab's language as the templates speak.
type job struct {
	Stage, Image, Timeout, When, Extends string
	Variables                            map[string]string
	Cache                                struct {
		Key   string
		Paths []string
	}
	Script    []string
	Artifacts struct {
		When  string
		Paths []string
	}
	Trigger struct {
		Include  []struct{ Artifact, Job string }
		Strategy string
	}
}

func strictly(t *testing.T, text []byte, v any) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(v))
}

func parses(t *testing.T, script string) {
	t.Helper()
	cmd := exec.Command("bash", "-n")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s\n%s", script, out)
}

func TestGitHub(t *testing.T) {
	files, err := filepath.Glob("github/*.yml")
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var w workflow
		strictly(t, text, &w)
		assert.False(t, w.On.IsZero(), file)
		assert.Equal(t, map[string]string{"contents": "read"}, w.Permissions, "%s: who runs a stranger's code may write nothing", file)
		require.NotEmpty(t, w.Jobs, file)
		for name, j := range w.Jobs {
			assert.NotEmpty(t, j.RunsOn, "%s: %s", file, name)
			require.NotEmpty(t, j.Steps, "%s: %s", file, name)
			if j.Needs != "" {
				assert.Contains(t, w.Jobs, j.Needs, "%s: %s", file, name)
			}
			for _, s := range j.Steps {
				assert.True(t, (s.Uses == "") != (s.Run == ""), "%s: %s: a step uses or runs", file, name)
				assert.NotContains(t, s.Run, "${{", "%s: %s: what a stranger has named goes through env", file, name)
				if strings.HasPrefix(s.Uses, "actions/checkout@") {
					assert.Equal(t, false, s.With["persist-credentials"], "%s: %s", file, name)
				}
				parses(t, s.Run)
			}
		}
	}
}

// pipeline holds a file of GitLab's.
func pipeline(t *testing.T, text []byte) (jobs map[string]job, stages []string) {
	t.Helper()
	var all map[string]yaml.Node
	strictly(t, text, &all)
	jobs = map[string]job{}
	for name, node := range all {
		switch name {
		case "stages":
			require.NoError(t, node.Decode(&stages))
			continue
		case "variables":
			require.NoError(t, node.Decode(&map[string]string{}))
			continue
		case "workflow":
			continue
		}
		piece, err := yaml.Marshal(&node)
		require.NoError(t, err)
		var j job
		strictly(t, piece, &j)
		jobs[name] = j
	}
	for name, j := range jobs {
		if j.Extends != "" {
			base, ok := jobs[j.Extends]
			require.True(t, ok, name)
			j.Script = base.Script
		}
		assert.True(t, len(j.Script) > 0 != (len(j.Trigger.Include) > 0), "%s: a job has a script or starts a pipeline", name)
		if j.Stage != "" {
			assert.Contains(t, stages, j.Stage, name)
		}
		parses(t, strings.Join(j.Script, "\n"))
	}
	return jobs, stages
}

func TestGitLab(t *testing.T) {
	for _, file := range []string{"gitlab/student.gitlab-ci.yml", "gitlab/class.gitlab-ci.yml"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		jobs, _ := pipeline(t, text)
		assert.Contains(t, jobs, "grade")
	}
}

func TestGitLabsJobs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"anna", "o'neil $HOME: [x]", "-f"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "submissions", name), 0o755))
	}
	script, err := filepath.Abs("gitlab/jobs.sh")
	require.NoError(t, err)
	cmd := exec.Command("sh", script, "03")
	cmd.Dir = dir
	text, err := cmd.Output()
	require.NoError(t, err)
	jobs, stages := pipeline(t, text)
	assert.Equal(t, []string{"grade", "table"}, stages)
	var names []string
	for name, j := range jobs {
		if strings.HasPrefix(name, "grade ") {
			names = append(names, j.Variables["NAME"])
		}
	}
	slices.Sort(names)
	assert.Equal(t, []string{"-f", "anna", "o'neil $$HOME: [x]"}, names)
	assert.Contains(t, strings.Join(jobs[".grade"].Script, "\n"), "make grade-03 ")
}

func TestShell(t *testing.T) {
	for _, file := range []string{"gitlab/jobs.sh", "gradescope/setup.sh", "gradescope/run_autograder"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		parses(t, string(text))
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.NotZero(t, info.Mode()&0o100, "%s is not executable", file)
	}
}
