package main

import "testing"

func TestParseLimits(t *testing.T) {
	for _, test := range []struct {
		parse func(string) (int64, error)
		want  map[string]int64 // 0: refused
	}{
		{parseMemory, map[string]int64{
			"50M": 50 << 20, "50m": 50 << 20, "6291456": 6 << 20, "6291456b": 6 << 20, "8192k": 8 << 20, "2g": 2 << 30,
			"": 0, "m": 0, "50X": 0, "1": 0, "5m": 0, "0": 0, "-50m": 0, "+50m": 0, "50 m": 0, "50mg": 0, "0x50m": 0, "1.5g": 0,
			"8589934591g": 8589934591 << 30, "8589934592g": 0, "9223372036854775808": 0, "99999999999999999999": 0,
		}},
		{parseCPU, map[string]int64{
			"0.5": 50_000, "2": 200_000, "0.01": 1000, ".25": 25_000,
			"": 0, "0": 0, "0.001": 0, "-1": 0, "NaN": 0, "Inf": 0, "-Inf": 0, "1e300": 0, "1e999": 0, "two": 0, "1/2": 0,
		}},
		{parsePids, map[string]int64{
			"32": 32, "16": 16, "4194304": 4194304,
			"": 0, "0": 0, "-1": 0, "15": 0, "4194305": 0, "99999999999999999999": 0, "3.5": 0, "many": 0,
		}},
	} {
		for text, want := range test.want {
			if got, err := test.parse(text); got != want || (err == nil) != (want != 0) {
				t.Errorf("%q: %d, %v, want %d", text, got, err, want)
			}
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 52428800: "50MiB", 1 << 30: "1GiB", 1536: "1.5KiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}
