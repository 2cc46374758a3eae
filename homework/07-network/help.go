package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"mydocker.example/shared/store"
)

// A command is a word after mydocker.
type command struct {
	name  string
	args  string // its line of usage
	about string // one line
	more  string // what else --help says
	run   func(s store.Store, args []string) (code int, err error)
}

// commands is a function because each command can print its own row of it.
func commands() []command {
	plain := func(do func(s store.Store, args []string) error) func(store.Store, []string) (int, error) {
		return func(s store.Store, args []string) (int, error) { return 0, do(s, args) }
	}
	return []command{
		{"run", "[FLAGS] COMMAND [ARG...]", "Run a command in a new container", `
Flags end where COMMAND begins. The exit code is the command's own, 128+n when signal n
ended it, 125 when mydocker failed, 126 when COMMAND cannot be run, 127 when there is none.

  mydocker run sh -c 'echo hello; id; hostname'
  mydocker run -it --rm sh
  mydocker run -d --name web -p 8080:80 --memory 64m httpd -f -h /
  mydocker run -v /srv/data:/data:ro --read-only -u nobody ls /data`,
			runCommand},
		{"ps", "[FLAGS]", "List the containers that run", `
PIDS are inside→outside: 1→4711 is process 1 of the container and 4711 of this machine.`,
			plain(func(s store.Store, args []string) error { return ps(s, args, os.Stdout) })},
		{"exec", "[FLAGS] CONTAINER COMMAND [ARG...]", "Run one more command in a container that runs", `
It joins all namespaces of the container, its cgroup and its limits, and gets no more
capabilities than the container has. Exit codes are those of run.

  mydocker exec web ps
  mydocker exec -it web sh
  mydocker exec -u nobody -w /tmp -e A=b web env`,
			execCommand},
		{"logs", "[FLAGS] CONTAINER", "Show what a container has printed", "",
			plain(func(s store.Store, args []string) error { return logs(s, args, os.Stdout) })},
		{"stop", "[FLAGS] CONTAINER...", "Ask containers to end: SIGTERM, and later SIGKILL", "",
			plain(func(s store.Store, args []string) error { return stop(s, args, os.Stdout) })},
		{"kill", "[FLAGS] CONTAINER...", "Send a signal to containers", "",
			plain(func(s store.Store, args []string) error { return kill(s, args, os.Stdout) })},
		{"rm", "[FLAGS] CONTAINER...", "Remove containers with all that belongs to them", `
With -f also a container whose mydocker was killed, and one whose record is damaged.`,
			plain(func(s store.Store, args []string) error { return rm(s, args, os.Stdout) })},
		{"inspect", "CONTAINER...", "Show all that is known of containers, as JSON", `
What the OCI runtime specification has a word for is called by that word.`,
			plain(func(s store.Store, args []string) error { return inspect(s, args, os.Stdout) })},
		{"wait", "CONTAINER...", "Wait until containers end, and print their exit codes", "",
			plain(func(s store.Store, args []string) error { return wait(s, args, os.Stdout) })},
		{"stats", "[FLAGS] [CONTAINER...]", "Show what containers use of their limits", "",
			plain(func(s store.Store, args []string) error { return stats(s, args, os.Stdout) })},
		{"pause", "CONTAINER...", "Stop all processes of containers where they stand (cgroup.freeze)", "",
			plain(func(s store.Store, args []string) error { return pause(s, args, os.Stdout) })},
		{"unpause", "CONTAINER...", "Let the processes of paused containers go on", "",
			plain(func(s store.Store, args []string) error { return unpause(s, args, os.Stdout) })},
	}
}

// commandNamed finds a command; nil: there is none.
func commandNamed(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return &c
		}
	}
	return nil
}

// usage is the page of mydocker itself.
func usage() string {
	var b strings.Builder
	b.WriteString("usage: mydocker COMMAND [FLAGS] [ARG...]\n\nMydocker runs commands in containers.\n\n")
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(tw, "  %s\t%s\n", c.name, c.about)
	}
	tw.Flush()
	b.WriteString(`
mydocker COMMAND --help explains one. CONTAINER is an id, the beginning of one, or a name.
What is known of the containers is kept in $MYDOCKER_ROOT (default: ` + defaultRoot() + `).
`)
	return b.String()
}
