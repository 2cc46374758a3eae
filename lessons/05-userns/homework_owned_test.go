package main_test

import "mydocker.example/shared/grade"

// beyond are maps that would be good, of ids that are not student's: its own are 1000, and
// by /etc/subuid and /etc/subgid 100000 to 165535.
var beyond = []refusal{
	{[]string{"0:0:1"}, []string{"0:0:1"}, "not-owned", "0 of the host is root's", "0 хоста принадлежит root"},
	{[]string{"0:1000:2"}, []string{"0:1000:2"}, "not-owned", "1001 is somebody else's", "1001 чужой"},
	{[]string{"0:100000:65537"}, []string{"0:100000:65537"}, "not-owned", "165536 is one too many", "165536 уже лишний"},
	{[]string{"0:99999:10"}, []string{"0:99999:10"}, "not-owned", "99999 is one before", "99999 на один раньше"},
	{[]string{"0:1000:1", "1:100000:65536", "70000:200000:1"}, []string{"70000:200000:1"}, "not-owned", "200000 is in nobody's range", "200000 ни в чьём диапазоне"},
	{[]string{"0:1000:1", "1:165535:2"}, []string{"1:165535:2"}, "not-owned", "165536 is one too many", "165536 уже лишний"},
}

// checkOwned: an ordinary user may give away its own ids, and no others. newuidmap would
// refuse them too, when the container is half made.
func checkOwned(t *grade.T) {
	for _, flag := range []string{"--uid-map", "--gid-map"} {
		for _, r := range beyond {
			asStudent(t).refused(flag, r)
		}
	}
	// What nobody can have, a user cannot have either.
	asStudent(t).refused("--uid-map", refusal{[]string{"1:1000:1"}, nil, "no-root", "nobody would be root in the container", "в контейнере не было бы root"})
}
