#!/bin/bash
# What somebody types who knows docker, and what docker's answer means. It runs in the lab,
# as root, with mydocker on the PATH; the last part is run by an ordinary user.
#
#	docker.sh          as root
#	docker.sh rootless as student
set -u
failed=0

# check WHAT GOT WANT: WANT is a pattern of case.
check() {
	case $2 in
	$3) echo "ok    $1" ;;
	*) echo "WRONG $1: '$2', not '$3'"; failed=1 ;;
	esac
}
# code WHAT WANT COMMAND...: the exit code.
code() {
	local what=$1 want=$2; shift 2
	"$@" >/tmp/out.$$ 2>&1
	local got=$?
	check "$what" "$got" "$want"
	[ $got = "$want" ] || cat /tmp/out.$$
}
# soon COMMAND...: true within a while, on a slow machine too.
soon() {
	for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
	return 1
}
finish() {
	rm -f /tmp/out.$$ /tmp/waited.$$
	[ $failed = 0 ] && echo "all as docker does"
	exit $failed
}

rootless() {
	check "rootless: root inside" "$(mydocker run --rm id -u)" 0
	check "rootless: nobody outside" "$(mydocker run --rm -v /etc/shadow:/shadow cat /shadow 2>&1)" '*ermission denied*'
	check "rootless: subordinate ids" "$(mydocker run --rm -u nobody sh -c 'id -u; touch /tmp/x && stat -c %u /tmp/x' | tr '\n' ' ')" '65534 65534 '
	id=$(mydocker run -d --name quiet sh -c 'echo started; sleep 1000')
	check "rootless: -d" "$id" '????????????'
	soon sh -c 'mydocker logs quiet | grep started'
	check "rootless: logs" "$(mydocker logs quiet)" started
	check "rootless: exec" "$(mydocker exec quiet sh -c 'echo $(id -u) $(hostname)')" "0 $id"
	check "rootless: ps" "$(mydocker ps -q)" "$id"
	code "rootless: a limit, delegated" 0 mydocker run --rm --memory 64m --pids 64 true
	code "rootless: no bridge" 125 mydocker run --net bridge true
	code "rootless: kill" 0 mydocker kill quiet
	check "rootless: wait" "$(mydocker wait quiet)" 137
	code "rootless: rm" 0 mydocker rm quiet
	check "rootless: nothing left" "$(mydocker ps -aq)" ''
	finish
}
[ "${1-}" = rootless ] && rootless

# run
check "run prints" "$(mydocker run --rm echo hello)" hello
check "run: a name of its own" "$(mydocker run --rm --hostname box hostname)" box
check "run: process 1's child, few others" "$(mydocker run --rm sh -c 'ls -d /proc/[0-9]* | wc -l')" '[1-6]'
check "run: no signal is ignored that our caller ignores" "$(trap '' HUP PIPE USR1; mydocker run --rm grep SigIgn /proc/self/status)" '*0000000000000000'
code "the command's exit code" 7 mydocker run --rm sh -c 'exit 7'
code "ended by a signal" 137 mydocker run --rm sh -c 'kill -9 $$'
code "no such command" 127 mydocker run --rm nosuch
code "not executable" 126 mydocker run --rm /etc/passwd
code "mydocker's own failure" 125 mydocker run --nosuch true
check "a mistake is named" "$(mydocker run --memory 50X true 2>&1)" '*50X*'
check "without -i no input" "$(echo typed | mydocker run --rm cat)" ''
check "with -i input" "$(echo typed | mydocker run --rm -i cat)" typed
check "stderr apart" "$(mydocker run --rm sh -c 'echo out; echo err >&2' 2>/dev/null)" out
check "-e" "$(A=mine mydocker run --rm -e A -e B=c sh -c 'echo $A $B')" 'mine c'
check "the environment is docker's" "$(SECRET=1 mydocker run --rm env | cut -d= -f1 | sort | tr '\n' ' ')" 'HOME HOSTNAME PATH '
check "-w" "$(mydocker run --rm -w /a/b pwd)" /a/b
check "-u" "$(mydocker run --rm -u nobody sh -c 'echo $(id -u):$(id -g) $HOME')" '65534:65534 /'
check "-u uid:gid" "$(mydocker run --rm -u 12:34 sh -c 'id -u; id -g; id -G' | tr '\n' ' ')" '12 34 34 '
code "-u of nobody that is known" 125 mydocker run --rm -u nosuch true
check "-t is a terminal" "$(mydocker run --rm -t tty | tr -d '\r')" /dev/pts/0
check "--read-only" "$(mydocker run --rm --read-only touch /x 2>&1)" '*Read-only file system*'
check "yes | head" "$(mydocker run --rm yes | head -n 2 | tr '\n' ' ')" 'y y '

# run -d, ps, logs, exec, inspect, stop, wait, rm
id=$(mydocker run -d --name web sh -c 'trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.1; done')
check "-d prints the id" "$id" '????????????'
soon sh -c 'mydocker logs web | grep ready'
check "ps" "$(mydocker ps | grep web)" "$id*Up *1→*web"
check "ps -q" "$(mydocker ps -q)" "$id"
check "ps --json" "$(mydocker ps --json | tr -d ' \n')" "*\"id\":\"$id\"*\"state\":\"running\"*"
check "logs" "$(mydocker logs web)" ready
check "logs of one that ran in the foreground" "$(mydocker run --name fore echo seen >/dev/null; mydocker logs fore; mydocker rm fore)" 'seen*fore'
check "logs --tail" "$(mydocker run -d --name many seq 5 >/dev/null; mydocker wait many >/dev/null; mydocker logs -n 2 many | tr '\n' ' '; mydocker rm many)" '4 5 many'
check "exec" "$(mydocker exec web hostname)" "$id"
check "exec by the beginning of the id" "$(mydocker exec "${id:0:6}" echo in)" in
check "exec -i" "$(echo typed | mydocker exec -i web cat)" typed
check "exec -e -w -u" "$(mydocker exec -e A=b -w /tmp -u nobody web sh -c 'echo $A $(pwd) $(id -u)')" 'b /tmp 65534'
check "exec -t" "$(mydocker exec -t web tty | tr -d '\r')" '/dev/pts/*'
pid=$(mydocker inspect web | sed -n 's/.*"pid": \(.*\),/\1/p')
for kind in cgroup ipc mnt net pid uts; do
	check "exec: the same $kind namespace" "$(mydocker exec web readlink /proc/self/ns/$kind | tr -d '[]')" "$(readlink "/proc/$pid/ns/$kind" | tr -d '[]')"
done
check "exec: no more capabilities" "$(mydocker exec web grep CapEff /proc/self/status)" '*00000000a80425fb'
check "exec: nothing of the host open" "$(mydocker exec web ls /proc/self/fd | tr '\n' ' ')" '0 1 2 3 '
code "exec: exit code" 9 mydocker exec web sh -c 'exit 9'
code "exec: no such command" 127 mydocker exec web nosuch
code "exec -d" 0 mydocker exec -d web touch /made
soon mydocker exec web test -e /made
check "exec -d ran" "$(mydocker exec web ls /made)" /made
check "inspect" "$(mydocker inspect web | tr -d ' \n')" "*\"id\":\"$id\"*\"status\":\"running\"*\"ipAddress\":\"10.77.*\"*\"noNewPrivileges\":true*"
check "stats" "$(mydocker stats --no-stream web | tail -n 1)" "$id*web*%*iB / *iB*"
code "pause" 0 mydocker pause web
check "ps shows it" "$(mydocker ps | grep web)" '*(Paused)*'
code "exec into one that is paused" 125 mydocker exec web true
code "unpause" 0 mydocker unpause web
code "rm refuses what runs" 125 mydocker rm web
check "stop" "$(mydocker stop web)" web
check "wait" "$(mydocker wait web)" 3
check "logs to the end" "$(mydocker logs web | tail -n 1)" bye
check "ps -a" "$(mydocker ps -a | grep web)" '*Exited (3)*'
code "exec into one that has ended" 125 mydocker exec web true
check "rm" "$(mydocker rm web)" web
check "ps -aq" "$(mydocker ps -aq)" ''
mydocker run -d --name deaf sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
code "stop -t kills who does not hear" 0 mydocker stop -t 1 deaf
check "and that is 137" "$(mydocker wait deaf)" 137
code "kill of one that has ended" 125 mydocker kill deaf
mydocker rm -f deaf nosuch >/dev/null
mydocker run -d --rm --name short sleep 1000 >/dev/null
mydocker wait short >/tmp/waited.$$ & waiting=$!
code "kill -s" 0 mydocker kill -s INT short
wait $waiting
check "wait, with --rm" "$(cat /tmp/waited.$$)" 130
soon sh -c '! mydocker ps -a | grep short'
check "--rm" "$(mydocker ps -aq)" ''
check "a name twice" "$(for _ in 1 2 3 4 5 6 7 8; do mydocker run -d --name one sleep 1000 2>/dev/null & done | wc -l; mydocker rm -f one)" '1*one'

# limits
check "--memory" "$(mydocker run --rm -m 64m cat /sys/fs/cgroup/memory.max)" 67108864
check "--cpu" "$(mydocker run --rm --cpus 0.5 cat /sys/fs/cgroup/cpu.max)" '50000 100000'
check "--pids" "$(mydocker run --rm --pids-limit 40 cat /sys/fs/cgroup/pids.max)" 40
code "out of memory" 137 mydocker run --rm -m 16m sh -c 'x=$(dd if=/dev/zero bs=1M count=60 | tr "\0" x); echo ${#x}'
check "the cgroup is read-only" "$(mydocker run --rm sh -c 'echo 1 >/sys/fs/cgroup/cgroup.freeze' 2>&1)" '*Read-only file system*'

# capabilities
check "docker's set" "$(mydocker run --rm grep CapBnd /proc/self/status)" '*00000000a80425fb'
check "--cap-drop ALL" "$(mydocker run --rm --cap-drop ALL --cap-add CHOWN grep CapEff /proc/self/status)" '*0000000000000001'
check "no mount" "$(mydocker run --rm mount -t tmpfs none /mnt 2>&1)" '*denied*'
code "--privileged" 0 mydocker run --rm --privileged mount -t tmpfs none /mnt
check "-u has none" "$(mydocker run --rm -u 1000 grep CapEff /proc/self/status)" '*0000000000000000'

# volumes
mkdir -p /tmp/vol.$$ && echo of the host >/tmp/vol.$$/file
check "-v" "$(mydocker run --rm -v /tmp/vol.$$:/data sh -c 'cat /data/file; echo new >/data/new'; cat /tmp/vol.$$/new)" 'of the host*new'
check "-v :ro" "$(mydocker run --rm -v /tmp/vol.$$:/data:ro touch /data/x 2>&1)" '*Read-only file system*'
code "-v of nothing" 125 mydocker run --rm -v /nosuch:/data true
rm -r /tmp/vol.$$
check "containers write to themselves" "$(mydocker run --rm sh -c 'echo x >/etc/motd'; mydocker run --rm ls /etc/motd 2>&1)" '*No such file*'

# users
check "--uid-map" "$(mydocker run --rm --uid-map 0:100000:65536 sh -c 'id -u; cat /proc/self/uid_map' | tr -s ' \n' ' ')" '0 0 100000 65536 '
check "its root owns its files" "$(mydocker run --rm --uid-map 0:100000:65536 sh -c 'stat -c %u /etc/passwd; echo x >>/etc/passwd && echo written' | tr '\n' ' ')" '0 written '
code "maps that overlap" 125 mydocker run --uid-map 0:1:5 --uid-map 3:100:5 true

# network
mydocker run -d --name www -p 8080:80 -p 127.0.0.1:8081:80 httpd -f -p 80 -h /etc >/dev/null
soon wget -qO- http://127.0.0.1:8080/hostname
check "-p on 127.0.0.1" "$(wget -qO- http://127.0.0.1:8080/hostname)" '????????????'
check "-p 127.0.0.1:" "$(wget -qO- http://127.0.0.1:8081/hostname)" '????????????'
check "ps shows ports" "$(mydocker ps | grep www)" '*0.0.0.0:8080->80/tcp, 127.0.0.1:8081->80/tcp*'
address=$(mydocker inspect www | sed -n 's/.*"ipAddress": "\(.*\)".*/\1/p')
check "the host reaches it" "$(wget -qO- "http://$address/hostname")" '????????????'
check "so does a neighbour" "$(mydocker run --rm wget -qO- "http://$address/hostname")" '????????????'
check "--net container" "$(mydocker run --rm --net container:www wget -qO- http://127.0.0.1/hostname)" '????????????'
check "--net none" "$(mydocker run --rm --net none sh -c 'ip -o link | wc -l; ping -c 1 -W 1 127.0.0.1 >/dev/null && echo loopback' | tr '\n' ' ')" '1 loopback '
check "--net host" "$(mydocker run --rm --net host ip -o link show mydocker0)" '*mydocker0*'
check "--pid container" "$(mydocker run --rm --pid container:www ps)" '*httpd*'
check "--pid host" "$([ "$(mydocker run --rm --pid host sh -c 'ls -d /proc/[0-9]* | wc -l')" -gt 20 ] && echo many)" many
code "a port that is taken" 125 mydocker run --name second -p 8080:80 true
check "leaves no container" "$(mydocker ps -a --json | grep '"second"')" ''
check "names" "$(mydocker run --rm --hostname box cat /etc/hosts)" '*10.77.*box'
code "rm -f" 0 mydocker rm -f www
code "and the port is free" 0 mydocker run --rm -p 8080:80 true

# help
for command in run ps exec logs stop kill rm inspect wait stats pause unpause; do
	check "$command --help" "$(mydocker $command --help)" "usage: mydocker $command*"
done
finish
