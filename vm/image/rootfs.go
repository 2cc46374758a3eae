package image

import (
	"context"
	"path"
	"strings"
)

// dropped is what the guest does without: what only installation, another init or another
// language needs, and what is read with a browser.
var dropped = []string{
	"etc/apparmor.d", "etc/cron.*", "etc/default", "etc/dhcp", "etc/init.d", "etc/kernel",
	"etc/logrotate.d", "etc/pam.d", "etc/skel", "etc/systemd", "etc/update-motd.d",
	"usr/include", "usr/lib/debug", "usr/lib/init", "usr/lib/kernel", "usr/lib/lsb", "usr/lib/mime",
	"usr/lib/modprobe.d", "usr/lib/systemd", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "usr/lib/udev",
	"usr/lib/valgrind", "usr/lib/*/audit", "usr/lib/*/gconv", "usr/lib/*/*.a", "usr/lib/*/perl*", "usr/share/apport",
	"usr/share/bash-completion", "usr/share/base-files", "usr/share/binfmts", "usr/share/bug", "usr/share/common-licenses",
	"usr/share/debianutils", "usr/share/dict", "usr/share/doc", "usr/share/doc-base", "usr/share/fish",
	"usr/share/gcc", "usr/share/gdb", "usr/share/icons", "usr/share/info", "usr/share/initramfs-tools",
	"usr/share/libc-bin", "usr/share/lintian", "usr/share/locale", "usr/share/man", "usr/share/menu",
	"usr/share/pam*", "usr/share/perl5", "usr/share/pixmaps", "usr/share/polkit-1", "usr/share/zsh",
	"usr/share/tabset", "usr/share/applications", "var/backups", "var/cache/*", "var/lib/dpkg", "var/lib/pam",
}

// kept says whether a package's file belongs into the guest.
func kept(name string) bool {
	for dir := name; dir != "."; dir = path.Dir(dir) {
		for _, pattern := range dropped {
			if ok, _ := path.Match(pattern, dir); ok {
				return false
			}
		}
	}
	return true
}

// alternatives are the names that update-alternatives(1) would make: the first that is there.
var alternatives = []struct {
	name    string
	targets []string
}{
	{"usr/bin/sh", []string{"dash", "bash"}},
	{"usr/bin/awk", []string{"mawk"}},
	{"usr/bin/which", []string{"which.debianutils"}},
	{"usr/bin/nc", []string{"nc.openbsd"}},
	{"usr/bin/pager", []string{"less"}},
	{"usr/bin/vi", []string{"busybox"}},
	{"usr/bin/wget", []string{"busybox"}},
	{"usr/bin/httpd", []string{"busybox"}},
	{"usr/bin/xxd", []string{"busybox"}},
	{"usr/bin/time", []string{"busybox"}},
}

// rootTree puts together the guest's file system.
func rootTree(ctx context.Context, debs []string) (tree, error) {
	t := tree{}
	for _, file := range debs {
		if err := t.addDeb(ctx, file, kept); err != nil {
			return nil, err
		}
	}
	for _, alt := range alternatives {
		for _, target := range alt.targets {
			if !t.has(alt.name) && t.has(path.Join(path.Dir(alt.name), target)) {
				t.link(alt.name, target)
			}
		}
	}
	for _, d := range ownFolders {
		t.dir(d.name, d.mode)
		t[d.name].Uid, t[d.name].Gid = d.uid, d.uid
	}
	for _, f := range ownFiles {
		mode := f.mode
		if mode == 0 {
			mode = 0o644
		}
		t.put(f.name, mode, []byte(f.text))
		t[f.name].Uid, t[f.name].Gid = f.uid, f.gid
	}
	for name, target := range map[string]string{"etc/mtab": "/proc/self/mounts", "var/run": "/run", "var/lock": "/run/lock"} {
		t.link(name, target)
	}
	if ping := t["usr/bin/ping"]; ping != nil {
		// What ping's own script would do: setcap cap_net_raw+ep (capabilities(7)).
		ping.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capNetRaw}
	}
	t.merge()
	return t, nil
}

// capNetRaw is a struct vfs_cap_data of revision 2 with the effective bit set:
// permitted holds CAP_NET_RAW (13), inheritable nothing.
const capNetRaw = "\x01\x00\x00\x02" + "\x00\x20\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// isLibrary keeps of a package what a program from it needs to run out of a folder.
func isLibrary(a arch, name string) bool {
	return path.Dir(name) == a.Libs && strings.Contains(path.Base(name), ".so")
}
