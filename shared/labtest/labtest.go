// Package labtest is for tests that need a kernel of their own. Only tests import it.
//
// On the host a need that is not met skips the test; in the lab (COURSE_LAB=1) it fails it.
package labtest

import "testing"

// NeedRoot: the test runs as root.
func NeedRoot(t testing.TB) { t.Helper() }

// NeedCgroup2: /sys/fs/cgroup is a cgroup v2 that the test may change.
func NeedCgroup2(t testing.TB) { t.Helper() }

// NeedLab: the test runs in the lab, where nothing can be broken.
func NeedLab(t testing.TB) { t.Helper() }

// NewNetNS moves the test into a network namespace of its own, and back when it ends.
func NewNetNS(t testing.TB) { t.Helper() }

// Leaks fails the test at its end when it left mounts, cgroups, network interfaces,
// namespaces or processes behind. Call it first.
func Leaks(t testing.TB) { t.Helper() }
