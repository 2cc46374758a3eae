package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Who the command is: -u names a user of the container, not of the host, so it is looked up
// inside, in files that the image brings and that may be missing (passwd(5), group(5)).

// User is the OCI specification's: whom the command runs as.
type User struct {
	UID            uint32   `json:"uid"`
	GID            uint32   `json:"gid"`
	AdditionalGids []uint32 `json:"additionalGids,omitempty"`
	Username       string   `json:"username,omitempty"` // as it was asked for: USER[:GROUP]
}

// lookUp finds a user, and where it lives, in the files of a container. root is its /.
func lookUp(root *os.File, text string) (u User, home string, err error) {
	passwd, err := readInside(root, "/etc/passwd")
	if err != nil {
		return User{}, "", err
	}
	group, err := readInside(root, "/etc/group")
	if err != nil {
		return User{}, "", err
	}
	u, home, err = resolveUser(text, bytes.NewReader(passwd), bytes.NewReader(group))
	u.Username = text
	return u, home, err
}

// readInside reads a file of a container, which is not to be trusted: a link leads no further
// than its root, and what is no file, or is endless, is an error. One that is not there is
// empty.
func readInside(root *os.File, path string) ([]byte, error) {
	const most = 1 << 20
	fd, err := unix.Openat2(int(root.Fd()), path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY, // O_NONBLOCK: a pipe would wait for who writes
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("openat2(%q, RESOLVE_IN_ROOT): %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s of the container is no file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if len(text) > most {
		return nil, fmt.Errorf("%s of the container is longer than %d bytes", path, most)
	}
	return text, err
}

// resolveUser reads USER[:GROUP], names or numbers, with the contents of passwd and group.
// As with docker, a number need not be in the files, and a group that is named leaves the
// user only that one.
func resolveUser(text string, passwd, group io.Reader) (u User, home string, err error) {
	name, groupName, grouped := strings.Cut(text, ":")
	if name == "" {
		name = "0"
	}
	users, err := records(passwd, 7)
	if err != nil {
		return User{}, "", fmt.Errorf("/etc/passwd of the container: %w", err)
	}
	groups, err := records(group, 4)
	if err != nil {
		return User{}, "", fmt.Errorf("/etc/group of the container: %w", err)
	}

	home = "/"
	entry, known := find(users, name)
	switch {
	case known:
		if u.UID, err = id(entry[2]); err == nil {
			u.GID, err = id(entry[3])
		}
		if entry[5] != "" {
			home = entry[5]
		}
		name = entry[0]
	default:
		if u.UID, err = id(name); err != nil {
			return User{}, "", fmt.Errorf("the container has no user %q", name)
		}
		if u.UID == 0 { // no passwd at all
			home = "/root"
		}
	}
	if err != nil {
		return User{}, "", fmt.Errorf("/etc/passwd of the container, %s: %w", name, err)
	}
	if grouped {
		if entry, known := find(groups, groupName); known {
			groupName = entry[2]
		}
		if u.GID, err = id(groupName); err != nil {
			return User{}, "", fmt.Errorf("the container has no group %q", groupName)
		}
		return u, home, nil
	}
	for _, g := range groups {
		if slices.Contains(strings.Split(g[3], ","), name) {
			gid, err := id(g[2])
			if err != nil {
				return User{}, "", fmt.Errorf("/etc/group of the container, %s: %w", g[0], err)
			}
			if gid != u.GID {
				u.AdditionalGids = append(u.AdditionalGids, gid)
			}
		}
	}
	return u, home, nil
}

// records are the lines of a file with n fields, split. Lines of another kind are passed
// over, as libc does.
func records(r io.Reader, n int) (all [][]string, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); len(fields) == n {
			all = append(all, fields)
		}
	}
	return all, lines.Err()
}

// find finds a record by its name, or by its number in the third field.
func find(all [][]string, name string) (record []string, ok bool) {
	for field := range 3 {
		if field == 1 {
			continue
		}
		for _, record := range all {
			if record[field] == name {
				return record, true
			}
		}
	}
	return nil, false
}

func id(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 31) // (uid_t) -1 is none
	if err != nil {
		return 0, fmt.Errorf("%q is no id", text)
	}
	return uint32(n), nil
}
