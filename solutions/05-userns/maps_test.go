package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseIDMap(t *testing.T) {
	if l, err := parseIDMap("1:100000:65535"); l != (IDMap{1, 100000, 65535}) || err != nil {
		t.Errorf("%v, %v", l, err)
	}
	for _, bad := range []string{"", "0", "0:1", "0:1:2:3", "a:1:2", "-1:0:1", "+0:1:2", "0: 1:2", "0:1:", "0:1:4294967296"} {
		if _, err := parseIDMap(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCheckMap(t *testing.T) {
	for _, test := range []struct {
		lines []IDMap
		err   string // a part of the error; "" means none
	}{
		{[]IDMap{{0, 1000, 1}, {1, 100000, 65536}}, ""},
		{[]IDMap{{10, 1000, 5}, {0, 1005, 10}}, ""}, // neighbours on both sides
		{[]IDMap{{0, 4294967294, 1}}, ""},
		{nil, "no line maps 0"},
		{[]IDMap{{1, 1000, 1}}, "no line maps 0"},
		{[]IDMap{{0, 1000, 0}}, "0:1000:0 is empty"},
		{[]IDMap{{0, 4294967295, 1}}, "last id"},
		{[]IDMap{{0, 1, 1}, {4294967295, 5, 1}}, "last id"},
		{[]IDMap{{0, 1000, 10}, {9, 5000, 1}}, "0:1000:10 and 9:5000:1 overlap in the container, at 9"},
		{[]IDMap{{0, 1000, 10}, {10, 1009, 1}}, "0:1000:10 and 10:1009:1 overlap on the host, at 1009"},
	} {
		err := checkMap(test.lines)
		if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%v: %v, want %q", test.lines, err, test.err)
		}
	}
}

func TestOwned(t *testing.T) {
	ranges, err := parseSubordinate(strings.NewReader("# a comment\nother:500000:10\nstudent:165536:10\nstudent:100000:65536\n"), "student")
	if err != nil || !reflect.DeepEqual(ranges, []idRange{{165536, 10}, {100000, 65536}}) {
		t.Errorf("%v, %v", ranges, err)
	}
	owned := append([]idRange{{1000, 1}}, ranges...)
	if err := checkOwned([]IDMap{{0, 1000, 1}, {1, 100000, 65546}}, owned); err != nil {
		t.Errorf("ranges that touch: %v", err)
	}
	for line, want := range map[IDMap]string{
		{0, 0, 1}: "from 0 to 0", {0, 1000, 2}: "from 1001 to 1001", {0, 100000, 65547}: "from 165546 to 165546", {0, 99999, 2}: "from 99999",
	} {
		if err := checkOwned([]IDMap{line}, owned); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", line, err)
		}
	}
	if _, err := parseSubordinate(strings.NewReader("student:x:1\n"), "student"); err == nil {
		t.Error("x is no number")
	}
}

func TestTranslation(t *testing.T) {
	lines := everything([]idRange{{1000, 1}, {100000, 65536}})
	if !reflect.DeepEqual(lines, []IDMap{{0, 1000, 1}, {1, 100000, 65536}}) {
		t.Errorf("%v", lines)
	}
	for inside, host := range map[uint32]uint32{0: 1000, 1: 100000, 33: 100032, 65536: 165535} {
		if got, ok := toHost(lines, inside); got != host || !ok {
			t.Errorf("toHost(%d) = %d, %t", inside, got, ok)
		}
		if got, ok := toContainer(lines, host); got != inside || !ok {
			t.Errorf("toContainer(%d) = %d, %t", host, got, ok)
		}
	}
	if _, ok := toHost(lines, 65537); ok {
		t.Error("65537 is nobody")
	}
	if _, ok := toContainer(lines, 0); ok {
		t.Error("the host's root is nobody inside")
	}
}
