package main

import "testing"

func TestParseVolume(t *testing.T) {
	for text, want := range map[string]Volume{
		"/a:/b":          {Source: "/a", Target: "/b"},
		"/a:/b:ro":       {Source: "/a", Target: "/b", ReadOnly: true},
		"/a/:/b/../c:rw": {Source: "/a", Target: "/c"},
		"":               {}, "/a": {}, "a:/b": {}, "/a:b": {}, "/a:/": {}, "/a:/b:rx": {}, "/a:/b:ro:": {}, ":/b": {},
	} {
		got, err := parseVolume(text)
		if got != want || (err == nil) != (want != Volume{}) {
			t.Errorf("parseVolume(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
}
