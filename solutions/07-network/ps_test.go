package main

import (
	"strings"
	"testing"
	"time"

	"mydocker.example/shared/network"
	"mydocker.example/shared/store"
)

func TestTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	killed := 137
	port, err := network.ParsePort("8080:80")
	if err != nil {
		t.Fatal(err)
	}
	rows := []row{
		{store.Record{ID: "aaaaaaaaaaaa", Name: "web", Command: []string{"sleep", "60"}, Created: ago(5 * time.Second)}, store.Running,
			[]PID{{1, 42}, {7, 43}}, Spec{Ports: []network.Port{port}}},
		{store.Record{ID: "bbbbbbbbbbbb", Command: []string{"sh", "-c", "a very long command"}, Created: ago(90 * time.Minute),
			ExitCode: &killed, Finished: ago(2 * time.Minute)}, store.Exited, nil, Spec{}},
		{store.Record{ID: "cccccccccccc", Command: []string{"true"}, Created: ago(72 * time.Hour)}, store.Exited, nil, Spec{}},
		{store.Record{ID: "dddddddddddd", Command: []string{"nosuch"}, Created: now}, store.Created, nil, Spec{}},
	}
	want := []string{
		`CONTAINER ID   COMMAND                  CREATED                  STATUS                       PORTS                  PIDS         NAME`,
		`aaaaaaaaaaaa   "sleep 60"               5 seconds ago            Up 5 seconds                 0.0.0.0:8080->80/tcp   1→42, 7→43   web`,
		`bbbbbbbbbbbb   "sh -c a very long c…"   1 hour ago               Exited (137) 2 minutes ago                          -`,
		`cccccccccccc   "true"                   3 days ago               Exited (?)                                          -`,
		`dddddddddddd   "nosuch"                 less than a second ago   Created                                             -`,
	}
	var b strings.Builder
	if err := table(&b, rows, false, now); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		if got := strings.TrimRight(line, " "); i >= len(want) || got != want[i] {
			t.Errorf("line %d:\n%s", i, got)
		}
	}
}
