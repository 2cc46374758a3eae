package image

// student is the ordinary user of the guest.
const student = 1000

var ownFolders = []struct {
	name string
	mode int64
	uid  int
}{
	{"course", 0o755, 0},
	{"dev", 0o755, 0},
	{"home", 0o755, 0},
	{"home/student", 0o755, student},
	{"lab", 0o755, 0},
	{"lab/bin", 0o755, 0},
	{"mnt", 0o755, 0},
	{"proc", 0o555, 0},
	{"root", 0o700, 0},
	{"run", 0o755, 0},
	{"sys", 0o555, 0},
	{"tmp", 0o1777, 0},
	{"var/tmp", 0o1777, 0},
}

// ownFiles are what maintainer scripts would have written, shorter. Mode 0 is 0644.
var ownFiles = []struct {
	name     string
	mode     int64
	uid, gid int
	text     string
}{
	{name: "etc/passwd", text: `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
tcpdump:x:101:101::/nonexistent:/usr/sbin/nologin
student:x:1000:1000:student:/home/student:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`},
	{name: "etc/group", text: `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
kmem:x:15:
shadow:x:42:
utmp:x:43:
users:x:100:
tcpdump:x:101:
student:x:1000:
nogroup:x:65534:
`},
	{name: "etc/shadow", mode: 0o640, gid: 42, text: `root:*:20000:0:99999:7:::
student:*:20000:0:99999:7:::
`},
	{name: "etc/subuid", text: "student:100000:65536\n"},
	{name: "etc/subgid", text: "student:100000:65536\n"},
	{name: "etc/hostname", text: "lab\n"},
	{name: "etc/hosts", text: "127.0.0.1 localhost\n127.0.1.1 lab\n::1 localhost ip6-localhost\n"},
	{name: "etc/resolv.conf", text: "nameserver 10.0.2.3\n"}, // QEMU's user network
	{name: "etc/nsswitch.conf", text: `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
`},
	{name: "etc/shells", text: "/bin/sh\n/bin/bash\n"},
	{name: "etc/fstab", text: ""},
	{name: "etc/login.defs", text: `UID_MIN 1000
UID_MAX 60000
GID_MIN 1000
GID_MAX 60000
SUB_UID_MIN 100000
SUB_UID_MAX 600100000
SUB_UID_COUNT 65536
SUB_GID_MIN 100000
SUB_GID_MAX 600100000
SUB_GID_COUNT 65536
USERGROUPS_ENAB yes
ENCRYPT_METHOD SHA512
`},
	// su(1) and runuser(1): root becomes anyone, no one else anything.
	{name: "etc/pam.d/other", text: `auth sufficient pam_rootok.so
auth required pam_deny.so
account required pam_permit.so
password required pam_deny.so
session required pam_permit.so
`},
	{name: "etc/profile", text: `export PATH=/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
[ -n "$BASH_VERSION" ] && [ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
`},
	{name: "etc/bash.bashrc", text: `case $- in *i*) ;; *) return ;; esac
PS1='\u@\h:\w\$ '
[ -n "$NO_COLOR" ] || PS1='\[\e[1;36m\]\u@\h\[\e[0m\]:\[\e[1m\]\w\[\e[0m\]\$ '
HISTFILE=
shopt -s checkwinsize
alias ll='ls -l'
`},
	{name: "root/.bashrc", text: ""},
	{name: "root/.profile", text: ""},
	{name: "home/student/.bashrc", uid: student, gid: student, text: ""},
	{name: "home/student/.profile", uid: student, gid: student, text: ""},
}
