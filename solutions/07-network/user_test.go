package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestResolveUser(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:100:Alice:/home/alice:/bin/sh\n# a comment\n7:x:70:70::/seven:/bin/sh\nbad:x:many:1::/:/\n"
	const group = "root:x:0:\nusers:x:100:alice\naudio:x:29:bob,alice\nvideo:x:44:bob\n"
	for _, test := range []struct {
		text string
		want User
		home string
	}{
		{"", User{}, "/root"},
		{"root", User{}, "/root"},
		{"alice", User{UID: 1000, GID: 100, AdditionalGids: []uint32{29}}, "/home/alice"},
		{"1000", User{UID: 1000, GID: 100, AdditionalGids: []uint32{29}}, "/home/alice"},
		{"alice:audio", User{UID: 1000, GID: 29}, "/home/alice"},
		{"alice:4", User{UID: 1000, GID: 4}, "/home/alice"},
		{":audio", User{GID: 29}, "/root"},
		{"7", User{UID: 70, GID: 70}, "/seven"}, // a name before a number
		{"4242", User{UID: 4242}, "/"},
		{"4242:4243", User{UID: 4242, GID: 4243}, "/"},
	} {
		got, home, err := resolveUser(test.text, strings.NewReader(passwd), strings.NewReader(group))
		if !reflect.DeepEqual(got, test.want) || home != test.home || err != nil {
			t.Errorf("resolveUser(%q) = %+v, %q, %v", test.text, got, home, err)
		}
	}
	for _, text := range []string{"nobody", "alice:nogroup", "bad", "-1", "4294967295"} {
		if got, _, err := resolveUser(text, strings.NewReader(passwd), strings.NewReader(group)); err == nil {
			t.Errorf("resolveUser(%q) = %+v", text, got)
		}
	}
	if u, home, err := resolveUser("0", strings.NewReader(""), strings.NewReader("")); err != nil || home != "/root" || u.UID != 0 {
		t.Errorf("without files: %+v, %q, %v", u, home, err)
	}
}
