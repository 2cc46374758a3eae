package image

// A group is a set of packages that is resolved on its own: what one part of the lab needs.
type group struct {
	Name     string
	Packages []string
	Newer    bool     // from the suite with the newer kernel and emulator, where there is one
	Assumed  []string // taken as installed, so that they and all that they need stay out
}

// What maintainer scripts need. The lab runs none of them: it unpacks files.
var scriptNeeds = []string{
	"adduser", "debconf", "dpkg", "init-system-helpers", "libpam-runtime",
	"perl", "perl-base", "sysvinit-utils", "usr-is-merged", "usrmerge", "ucf", "lsb-base",
}

// groups lists what an image is made from.
func groups(a arch, d distro) []group {
	kernel := d.Kernel
	if !d.Generic {
		kernel += "-" + a.KernelMeta
	}
	return []group{
		{Name: "guest", Packages: guestPackages, Assumed: scriptNeeds},
		{Name: "kernel", Packages: []string{kernel}, Newer: true, Assumed: []string{
			"dracut", "grub-pc", "initramfs-tools", "kmod", "libc6", "linux-base", "linux-firmware",
			"amd64-microcode", "intel-microcode", "wireless-regdb", "thermald", "debconf", "ucf",
		}},
		{Name: "tools", Packages: []string{"squashfs-tools", "kmod"}, Assumed: scriptNeeds},
		{Name: "qemu", Packages: a.EmulatorPackages, Newer: true, Assumed: append([]string{
			// The emulator is linked against none of these, or works without them.
			"acl", "ipxe-qemu", "libpam0g", "libpam-modules", "passwd", "libssl3", "libssl3t64",
			"systemd", "qemu-block-extra", "qemu-system-gui",
		}, scriptNeeds...)},
	}
}

// guestPackages are what a student finds in the guest. The kernel's own interfaces are the
// course; so these are the tools that speak them, a shell, and three runtimes to compare with.
var guestPackages = []string{
	// a machine to sit at
	"base-files", "bash", "coreutils", "dash", "debianutils", "diffutils", "file", "findutils",
	"grep", "gzip", "hostname", "jq", "less", "libc-bin", "mawk", "ncurses-base", "ncurses-bin",
	"netbase", "sed", "tar", "busybox-static", "bsdutils", "bsdextrautils", "e2fsprogs",
	// processes, mounts, namespaces, users
	"util-linux", "mount", "procps", "psmisc", "strace", "kmod", "passwd", "uidmap", "libpam-modules",
	"attr", "acl", "libcap2-bin",
	// network
	"iproute2", "iputils-ping", "netcat-openbsd", "nftables", "tcpdump",
	// other runtimes
	"runc", "crun", "bubblewrap",
}
