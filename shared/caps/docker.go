package caps

import "golang.org/x/sys/unix"

// Docker is what docker leaves root in a container: what programs that were written for root
// need for their own files, users and ports. Nothing that reaches the machine.
var Docker = Of(
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FSETID, unix.CAP_FOWNER, unix.CAP_MKNOD,
	unix.CAP_NET_RAW, unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_SETPCAP,
	unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT, unix.CAP_KILL, unix.CAP_AUDIT_WRITE,
)

// Choose is docker's meaning of --cap-add and --cap-drop, in whatever order they were given:
// a name in both is kept, ALL gives way to a name. Names are as Parse takes them.
func Choose(add, drop []string) (Set, error) {
	added, everything, err := parse(add)
	if err != nil {
		return 0, err
	}
	dropped, nothing, err := parse(drop)
	if err != nil {
		return 0, err
	}
	switch {
	case everything: // --cap-add ALL --cap-drop MKNOD: all but that
		return all &^ dropped, nil
	case nothing: // --cap-drop ALL --cap-add CHOWN: that alone
		return added, nil
	}
	return Docker&^dropped | added, nil
}

// parse reads names; ALL is told apart from them.
func parse(words []string) (s Set, whole bool, err error) {
	for _, word := range words {
		one, err := Parse(word)
		if err != nil {
			return 0, false, err
		}
		if one == all {
			whole = true
			continue
		}
		s |= one
	}
	return s, whole, nil
}
