package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// bootModules are loaded by the agent, in this order, each after what it depends on:
// what the root file system is made of, and what the lessons use most, so that a warm
// start has it already.
var bootModules = []string{
	"virtio_blk", "squashfs", "overlay",
	"virtio_net", "virtio_rng", "9p", "9pnet_virtio",
	"veth", "bridge",
	"crc32c_generic", // libcrc32c asks for it by a name that only modprobe could resolve
	"nf_tables", "nft_ct", "nft_chain_nat", "nft_nat", "nft_masq", "nft_redir",
	"nft_reject_inet", "nft_fib_inet", "nft_limit", "nft_log", "nft_compat",
}

// rootModules lie in the guest's own file system, where the kernel or modprobe finds
// them when they are asked for. A name that ends in / is a folder of the module tree.
// dummy makes an interface when it is loaded, so it is here and not above.
var rootModules = []string{
	"kernel/net/netfilter/", "kernel/net/ipv4/netfilter/", "kernel/net/ipv6/netfilter/",
	"kernel/net/bridge/",
	"dummy", "ifb", "macvlan", "macvtap", "ipvlan", "ipvtap", "vxlan", "vcan", "tun", "nlmon", "vrf",
	"tcp_diag", "udp_diag", "unix_diag", "packet_diag", "netlink_diag", "raw_diag", "inet_diag",
	"loop", "ext4", "brd", "zram",
	"fuse", "cuse", "binfmt_misc", "algif_hash", "crc32c_generic", "crc32c-intel",
	"sch_netem", "sch_tbf", "sch_htb", "sch_ingress", "cls_bpf", "act_mirred",
	"vsock", "vmw_vsock_virtio_transport", "vsock_loopback",
}

// A module is one .ko file of the kernel's package.
type module struct {
	Path    string // below lib/modules/<release>, without the suffix of its packing
	Data    []byte // unpacked, its signature cut off
	Depends []string
}

// moduleSet knows every module of a kernel by name, and which names need no file.
type moduleSet struct {
	files   map[string]string // name → path of the packed file, relative to the tree
	builtin map[string]bool
	read    func(name string) ([]byte, error) // packed
	loaded  map[string]*module
}

// moduleName is how the kernel calls what lies in a file: virtio-rng.ko.xz is virtio_rng.
func moduleName(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}

func newModuleSet(read func(name string) ([]byte, error)) *moduleSet {
	return &moduleSet{files: map[string]string{}, builtin: map[string]bool{}, loaded: map[string]*module{}, read: read}
}

// add tells the set of a file in the module tree.
func (s *moduleSet) add(file string) {
	if strings.HasPrefix(file, "kernel/") && strings.Contains(path.Base(file), ".ko") {
		s.files[moduleName(file)] = file
	}
}

// readBuiltin learns which modules are part of the kernel itself.
func (s *moduleSet) readBuiltin() error {
	list, err := s.read("modules.builtin")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, line := range strings.Fields(string(list)) {
		s.builtin[moduleName(line)] = true
	}
	return nil
}

// names expands folders, and leaves out what this kernel has built in or has not at all:
// kernels differ, and a lesson that misses something says so itself.
func (s *moduleSet) names(table []string) []string {
	var names []string
	for _, entry := range table {
		if strings.HasSuffix(entry, "/") {
			var inside []string
			for name, file := range s.files {
				if strings.HasPrefix(file, entry) {
					inside = append(inside, name)
				}
			}
			slices.Sort(inside)
			names = append(names, inside...)
			continue
		}
		name := strings.ReplaceAll(entry, "-", "_")
		if _, ok := s.files[name]; ok && !s.builtin[name] {
			names = append(names, name)
		}
	}
	return names
}

// order returns the modules with all that they depend on, in an order in which they load.
func (s *moduleSet) order(names []string) ([]*module, error) {
	var list []*module
	seen := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		if seen[name] || s.builtin[name] {
			return nil
		}
		seen[name] = true
		m, err := s.load(name)
		if err != nil {
			return err
		}
		for _, dep := range m.Depends {
			if err := visit(dep); err != nil {
				return fmt.Errorf("module %s: %w", name, err)
			}
		}
		list = append(list, m)
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s *moduleSet) load(name string) (*module, error) {
	if m := s.loaded[name]; m != nil {
		return m, nil
	}
	file, ok := s.files[name]
	if !ok {
		return nil, fmt.Errorf("the kernel's package has no module %s", name)
	}
	packed, err := s.read(file)
	if err != nil {
		return nil, err
	}
	r, err := decompress(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	stem, _, _ := strings.Cut(file, ".ko")
	m := &module{Path: stem + ".ko", Data: cutSignature(data)}
	info, err := modinfo(m.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, dep := range strings.Split(info["depends"], ",") {
		if dep != "" {
			m.Depends = append(m.Depends, strings.ReplaceAll(dep, "-", "_"))
		}
	}
	s.loaded[name] = m
	return m, nil
}

// modinfo reads the section .modinfo: strings key=value, each ended by a zero byte.
// Of a key that comes more than once the first is kept.
func modinfo(ko []byte) (map[string]string, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, errors.New("no section .modinfo")
	}
	data, err := section.Data()
	if err != nil {
		return nil, err
	}
	info := map[string]string{}
	for _, entry := range bytes.Split(data, []byte{0}) {
		key, value, ok := strings.Cut(string(entry), "=")
		if _, twice := info[key]; ok && !twice {
			info[key] = value
		}
	}
	return info, nil
}

// A signed module ends in the signature, a struct module_signature of twelve bytes whose
// last four are the signature's length, and this line (the kernel's scripts/sign-file.c).
const (
	signatureMark = "~Module signature appended~\n"
	signatureInfo = 12
)

// cutSignature drops the signature: no key of ours is in question, and to verify one
// costs an emulated processor tens of milliseconds a module.
func cutSignature(ko []byte) []byte {
	body, ok := bytes.CutSuffix(ko, []byte(signatureMark))
	if !ok || len(body) < signatureInfo {
		return ko
	}
	length := int(binary.BigEndian.Uint32(body[len(body)-4:]))
	if rest := len(body) - signatureInfo - length; rest > 0 {
		return body[:rest]
	}
	return ko
}
