package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"

	"mydocker.example/shared/grade"
)

// checkBridge: two containers, each other, the host, and a machine beyond it.
func checkBridge(t *grade.T) {
	root := netRoot(t)
	before := veths(t)
	a, b := startGuest(t, root), startGuest(t, root)
	for _, g := range []guest{a, b} {
		if netOf(g.pid) == netOf(os.Getpid()) {
			t.Saw(fmt.Sprintf("readlink /proc/%d/ns/net", g.pid), netOf(g.pid))
			t.Wrong("host-network",
				"the container is in the host's network namespace: clone(2) needs CLONE_NEWNET. See proof `empty-namespace`.",
				"контейнер в сетевом пространстве имён хоста: для clone(2) нужен CLONE_NEWNET. См. доказательство `empty-namespace`.")
		}
	}
	wa, wb := wired(t, a), wired(t, b)
	if wa.addr.Equal(wb.addr) {
		t.Wrong("same-address",
			"both containers have the address %s: whoever looks for a free one and takes it must be alone meanwhile, and see what the others have",
			"у обоих контейнеров адрес %s: кто ищет свободный и занимает его, должен быть в это время один и видеть, что занято у других", wa.addr)
	}
	greet(t, b.ns(), ":80", "b")
	greet(t, here, wa.gateway.String()+":18090", "host")
	if got := call(t, a.ns(), wb.addr.String()+":80", callLimit); got != "b "+wa.addr.String() {
		t.Saw(fmt.Sprintf("from one container: connect(%s:80)", wb.addr), got)
		t.Wrong("no-neighbour",
			"one container does not reach the other. Is the host's end of each pair a port of the same bridge, and up? See proof `bridge-ping`.",
			"один контейнер не достаёт до другого. Включён ли конец каждой пары на хосте портом в один и тот же мост, и поднят ли он? См. доказательство `bridge-ping`.")
	}
	if got := call(t, a.ns(), wa.gateway.String()+":18090", callLimit); !strings.HasPrefix(got, "host ") {
		t.Saw(fmt.Sprintf("from a container: connect(%s:18090), the gateway", wa.gateway), got)
		t.Wrong("no-host",
			"the container does not reach the host at its gateway's address: the bridge itself needs an address, and has to be up. See proof `bridge-ping`.",
			"контейнер не достаёт до хоста по адресу своего шлюза: адрес нужен и самому мосту, и мост должен быть поднят. См. доказательство `bridge-ping`.")
	}
	wayOutOf(t, a)
	gone(t, before, a, b)
}

// wired looks at a container's side of the cable.
func wired(t *grade.T, g guest) wiring {
	t.Helper()
	w := g.wiring(t)
	t.Saw("in the container: ip link", strings.Join(w.names, " "))
	switch {
	case !w.loopback:
		t.Wrong("lo-down",
			"the container's loopback is down: 127.0.0.1 is dead in a new namespace until somebody starts lo. See proof `empty-namespace`.",
			"loopback контейнера выключен: в новом пространстве 127.0.0.1 мёртв, пока lo не поднимут. См. доказательство `empty-namespace`.")
	case w.link == "":
		t.Wrong("no-interface",
			"the container has no interface but lo that is up. See proof `veth-both-ends`.",
			"у контейнера нет поднятого интерфейса, кроме lo. См. доказательство `veth-both-ends`.")
	case w.addr == nil:
		t.Wrong("no-address", "the container's %s has no IPv4 address", "у %s контейнера нет адреса IPv4", w.link)
	case w.gateway == nil:
		t.Wrong("no-route",
			"the container has no default route. The kernel takes one only after the address, and when the interface is up. See proof `way-out`.",
			"у контейнера нет маршрута по умолчанию. Ядро принимает его только после адреса и на поднятом интерфейсе. См. доказательство `way-out`.")
	}
	return w
}

// wayOutOf: to a machine that knows nothing of the bridge.
func wayOutOf(t *grade.T, a guest) {
	t.Helper()
	world := outside(t)
	greet(t, world, ":80", "outside")
	got := call(t, a.ns(), outsideAddr+":80", callLimit)
	if got == "outside "+outsideHost {
		return
	}
	t.Saw("from a container: connect("+outsideAddr+":80), a machine beyond the host", got)
	forward, _ := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	t.Saw("cat /proc/sys/net/ipv4/ip_forward", strings.TrimSpace(string(forward)))
	if strings.TrimSpace(string(forward)) != "1" {
		t.Wrong("no-forwarding",
			"the container does not get beyond the host: the host throws away what is not for it, until net.ipv4.ip_forward is 1. See proof `way-out`.",
			"дальше хоста контейнер не выходит: чужое хост выбрасывает, пока net.ipv4.ip_forward не равен 1. См. доказательство `way-out`.")
	}
	t.Wrong("no-nat",
		"the container's packets leave the host, and the answers do not find back: out there nobody knows its address. See proof `way-out`.",
		"пакеты контейнера с хоста уходят, а ответы не возвращаются: его адреса снаружи никто не знает. См. доказательство `way-out`.")
}

// veths counts the host's ends.
func veths(t *grade.T) map[string]bool {
	t.Helper()
	links, err := netlink.LinkList()
	if err != nil {
		t.Broken(err)
	}
	names := map[string]bool{}
	for _, l := range links {
		if l.Type() == "veth" && l.Attrs().Name != "hw-outside" {
			names[l.Attrs().Name] = true
		}
	}
	return names
}

// gone: with the containers go their cables.
func gone(t *grade.T, before map[string]bool, guests ...guest) {
	t.Helper()
	dismiss(t, guests...)
	var left []string
	t.Eventually(netPatience, func() bool {
		left = nil
		for name := range veths(t) {
			if !before[name] {
				left = append(left, name)
			}
		}
		return left == nil
	})
	if left != nil {
		t.Saw("the host: ip link show type veth", strings.Join(left, " "))
		t.Wrong("link-left",
			"the containers are removed, and the host has their interfaces still: %s",
			"контейнеры удалены, а их интерфейсы на хосте остались: %s", strings.Join(left, " "))
	}
}

// checkPublish: ports for others, for the host, and for nobody else.
func checkPublish(t *grade.T) {
	root := netRoot(t)
	badPorts(t, root)
	world := outside(t)
	g := startGuest(t, root, "-p", "18080:80", "-p", "127.0.0.1:18081:80")
	greet(t, g.ns(), ":80", "published")
	if got := call(t, world, outsideHost+":18080", callLimit); !strings.HasPrefix(got, "published") {
		t.Saw("from another machine: connect("+outsideHost+":18080)", got)
		t.Wrong("not-published",
			"-p 18080:80, and another machine does not reach the container by the host's port 18080. See proof `published`.",
			"-p 18080:80, а с другой машины через порт 18080 хоста до контейнера не достать. См. доказательство `published`.")
	}
	for _, addr := range []string{"127.0.0.1:18080", "127.0.0.1:18081"} {
		if got := call(t, here, addr, callLimit); !strings.HasPrefix(got, "published") {
			t.Saw("the host: connect("+addr+")", got)
			t.Wrong("no-loopback",
				"the host itself does not reach the published port at %s: its own packets do not pass prerouting, somebody has to listen there. See proof `published`.",
				"сам хост не достаёт до опубликованного порта по %s: его собственные пакеты через prerouting не идут, там кто-то должен слушать. См. доказательство `published`.", addr)
		}
	}
	if got := call(t, world, outsideHost+":18081", noLimit); strings.HasPrefix(got, "published") {
		t.Saw("from another machine: connect("+outsideHost+":18081)", got)
		t.Wrong("open-to-all",
			"-p 127.0.0.1:18081:80 is for the host alone, and another machine has reached it",
			"-p 127.0.0.1:18081:80 предназначен только хосту, а до него достала другая машина")
	}
	for _, file := range switchedOn("/proc/sys/net/ipv4/conf/*/route_localnet") {
		t.Saw("cat "+file, "1")
		t.Wrong("route-localnet",
			"%s is on: whoever is on the same wire now reaches all that the host keeps on 127.0.0.1. See proof `localnet`.",
			"%s включён: всякий на том же проводе теперь достаёт до всего, что хост держит на 127.0.0.1. См. доказательство `localnet`.", file)
	}
	takenTwice(t, root)
	dismiss(t, g)
	var got string
	if !t.Eventually(netPatience, func() bool {
		l, err := net.Listen("tcp4", ":18080")
		if err != nil {
			got = errnoOf(err)
			return false
		}
		return l.Close() == nil
	}) {
		t.Saw("the host: bind(0.0.0.0:18080)", got)
		t.Wrong("port-left",
			"the container is removed, and its port is still taken",
			"контейнер удалён, а его порт всё ещё занят")
	}
}

func switchedOn(pattern string) (on []string) {
	files, _ := filepath.Glob(pattern)
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(text)) != "0" {
			on = append(on, file)
		}
	}
	return on
}

// badPorts are refused, each by name, and no container is left of them.
func badPorts(t *grade.T, root string) {
	t.Helper()
	for _, bad := range []string{"x", "0", "70000:80", "8080:", "1:2:3:4", "80/xyz"} {
		res := t.Mydocker("run", "-d", "--rootfs", root, "-p", bad, "true").Run()
		if res.Code == 0 {
			t.Wrong("bad-port", "-p %s was accepted", "-p %s принято", bad)
		}
		if !strings.Contains(res.Stderr, bad) {
			t.Saw("mydocker run -p "+bad, saidOf(res))
			t.Wrong("bad-port-unnamed",
				"-p %s was refused, and the message does not name it: %s",
				"-p %s отвергнуто, но в сообщении не названо: %s", bad, saidOf(res))
		}
	}
}

// takenTwice: a port has one owner, and the second is told before anything is created.
func takenTwice(t *grade.T, root string) {
	t.Helper()
	res := t.Mydocker("run", "-d", "--rootfs", root, "-p", "18080:80", "sleep", "600").Run()
	if res.Code == 0 {
		t.Mydocker("rm", "-f", strings.TrimSpace(res.Stdout)).Run()
		t.Wrong("port-twice",
			"two containers were given port 18080 of the host: a rule does not take a port, a bound socket does. See proof `port-taken`.",
			"порт 18080 хоста отдан двум контейнерам: правило порт не занимает, его занимает привязанный сокет. См. доказательство `port-taken`.")
	}
	if !strings.Contains(res.Stderr, "18080") {
		t.Wrong("port-twice-unnamed",
			"the second container for port 18080 was refused, and the message does not name the port: %s",
			"второму контейнеру в порту 18080 отказано, но в сообщении порт не назван: %s", saidOf(res))
	}
}

// checkNetModes: none, host, and another container's.
func checkNetModes(t *grade.T) {
	root := netRoot(t)
	none := startGuest(t, root, "--net", "none")
	w := none.wiring(t)
	t.Saw("--net none: ip link", strings.Join(w.names, " "))
	switch {
	case netOf(none.pid) == netOf(os.Getpid()):
		t.Wrong("none-is-host", "--net none, and the container is in the host's network", "--net none, а контейнер в сети хоста")
	case w.link != "" || len(w.names) != 1:
		t.Wrong("none-has-link", "--net none, and the container has more than lo: %s", "--net none, а у контейнера не только lo: %s", strings.Join(w.names, " "))
	case !w.loopback:
		t.Wrong("lo-down",
			"--net none, and lo is down: nothing but 127.0.0.1 is left to it, and that should work. See proof `empty-namespace`.",
			"--net none, и lo выключен: кроме 127.0.0.1, у контейнера ничего нет, и это должно работать. См. доказательство `empty-namespace`.")
	}
	host := startGuest(t, root, "--net", "host")
	if netOf(host.pid) != netOf(os.Getpid()) {
		t.Saw(fmt.Sprintf("readlink /proc/%d/ns/net", host.pid), netOf(host.pid))
		t.Wrong("host-is-not", "--net host, and the container is in another network than the host", "--net host, а сеть контейнера не сеть хоста")
	}
	one := startGuest(t, root, "--net", "bridge")
	two := startGuest(t, root, "--net", "container:"+one.id)
	if netOf(two.pid) != netOf(one.pid) {
		t.Saw(fmt.Sprintf("readlink /proc/%d/ns/net", one.pid), netOf(one.pid))
		t.Saw(fmt.Sprintf("readlink /proc/%d/ns/net", two.pid), netOf(two.pid))
		t.Wrong("not-joined",
			"--net container:%s, and the two are in different networks",
			"--net container:%s, а сети у этих двоих разные", one.id)
	}
	pids := func(g guest) string {
		target, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", g.pid))
		return target
	}
	if pids(two) == pids(one) {
		t.Wrong("joined-too-much",
			"--net container: shares the network and nothing else, and the two are in one PID namespace",
			"--net container: делит сеть и ничего больше, а у этих двоих одно пространство PID")
	}
	dismiss(t, two, one, host, none)
	for _, bad := range []string{"bogus", "container:", "container:nobody"} {
		if res := t.Mydocker("run", "-d", "--rootfs", root, "--net", bad, "true").Run(); res.Code == 0 {
			t.Mydocker("rm", "-f", strings.TrimSpace(res.Stdout)).Run()
			t.Wrong("bad-net", "--net %s was accepted", "--net %s принято", bad)
		}
	}
}
