package transcript

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const text = "# A text\n" + `
` + "```go" + `
$ not a command
` + "```" + `

` + "```console" + `
$ echo one; false
one
$ echo $?
1
$ cat <<END
> a
>
> b
> END
a

b
` + "```" + `

<!-- transcript: student -->
` + "```console" + `
$ id -un
student
` + "```" + `
<!-- transcript: skip it needs a person -->
` + "```console" + `
# top
` + "```" + `
`

func TestParse(t *testing.T) {
	blocks, err := Parse(text)
	require.NoError(t, err)
	require.Len(t, blocks, 3)
	assert.Equal(t, 7, blocks[0].Line)
	assert.Equal(t, []Command{
		{"$", []string{"echo one; false"}, []string{"one"}},
		{"$", []string{"echo $?"}, []string{"1"}},
		{"$", []string{"cat <<END", "a", "", "b", "END"}, []string{"a", "", "b"}},
	}, blocks[0].Commands)
	assert.Equal(t, "student", blocks[1].User)
	assert.Equal(t, "it needs a person", blocks[2].Skip)
	assert.Equal(t, "#", blocks[2].Commands[0].Prompt)

	again, err := Rewrite(text, blocks)
	require.NoError(t, err)
	assert.Equal(t, text, again, "a rewrite with the same blocks changes nothing")
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{
		"```console\noutput first\n```\n",
		"<!-- transcript: maybe -->\n```console\n$ true\n```\n",
	} {
		_, err := Parse(bad)
		assert.Error(t, err, bad)
	}
}

// A bash of the host is as good as one of the lab for commands that touch nothing.
func runBlock(t *testing.T, b Block) (Run, error) {
	var out bytes.Buffer
	cmd := exec.Command("bash", "-c", b.Script())
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	return b.Split(out.String())
}

func TestScriptKeepsExitCodesAndSplitsOutput(t *testing.T) {
	blocks, err := Parse(text)
	require.NoError(t, err)
	run, err := runBlock(t, blocks[0])
	require.NoError(t, err)
	assert.Empty(t, blocks[0].Compare(run))

	changed := strings.Replace(text, "\n1\n", "\n2\n", 1)
	blocks, err = Parse(changed)
	require.NoError(t, err)
	assert.Len(t, blocks[0].Compare(run), 1)
	updated, err := Rewrite(changed, []Block{blocks[0].Updated(run), blocks[1], blocks[2]})
	require.NoError(t, err)
	assert.Equal(t, text, updated)
}

func TestAShellThatEndsEarlyIsNamed(t *testing.T) {
	blocks, err := Parse("```console\n$ exit 3\n$ echo never\nnever\n```\n")
	require.NoError(t, err)
	_, err = runBlock(t, blocks[0])
	assert.ErrorContains(t, err, `the shell ended in "exit 3"`)
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		text, run string
		same      bool
	}{
		{"pid:[4026531836]", "pid:[4026532281]", true},
		{"pid:[4026531836]", "net:[4026531836]", false},
		{"exit code 1", "exit code 2", false},
		{"VmSize: 4096 kB", "VmSize: 4097 kB", false},
		{"PPid: 812", "PPid: 3004", true}, // 3004 was given out in the run
		{"PPid: 1", "PPid: 3004", false},  // init is init
		{"PPid: 812", "PPid: 3011", false},
		{"PPid: 3004", "PPid: 1", false},
		{"  812 pts/0  00:00:01 bash", "3004 pts/0    00:00:00 bash", true},
		{"-rw-r--r-- 1 root root 5 Jan  1 10:00 a", "-rw-r--r-- 1 root root 5 Nov 22 04:41 a", true},
		{"-rw-r--r-- 1 root root 5 Jan  1 10:00 a", "-rw-r--r-- 2 root root 5 Nov 22 04:41 a", false},
		{"link/ether 12:34:56:78:9a:bc brd", "link/ether aa:34:56:78:9a:bc brd", true},
		{"Linux lab 6.12.57+deb12-amd64 x", "Linux lab 6.12.63+deb13-cloud-amd64 x", true},
		{"0.3", "0.4", false},
	} {
		p := &pairing{last: 3010, toRun: map[string]string{}, toText: map[string]string{}}
		assert.Equal(t, c.same, p.same(c.text, c.run), "%q and %q", c.text, c.run)
	}
}

func TestPIDsArePaired(t *testing.T) {
	p := &pairing{last: 3010, toRun: map[string]string{}, toText: map[string]string{}}
	assert.True(t, p.same("101 is the child of 100", "3002 is the child of 3001"))
	assert.True(t, p.same("100", "3001"))
	assert.False(t, p.same("100", "3002"), "100 was 3001 before")
	assert.False(t, p.same("102", "3001"), "3001 was 100 before")
}

func TestDotsStandForAnyLines(t *testing.T) {
	p := func() *pairing {
		return &pairing{last: 3010, toRun: map[string]string{}, toText: map[string]string{}}
	}
	run := []string{"a", "b", "c"}
	assert.True(t, p().lines([]string{"a", "…"}, run))
	assert.True(t, p().lines([]string{"…", "c"}, run))
	assert.True(t, p().lines([]string{"a", "…", "b", "c"}, run))
	assert.False(t, p().lines([]string{"…", "b"}, run))
	assert.False(t, p().lines([]string{"a", "b"}, run))
}
