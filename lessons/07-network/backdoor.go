package main

import (
	"fmt"
	"os/exec"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// backDoor: a host that forwards, forwards for everybody.
var backDoor = proof.Proof{
	ID: "back-door",
	Attack: &proof.Attack{
		Prepare: prepareBackDoor,
		With:    func(*exec.Cmd) error { return backDoorScene.host.do(shutBackDoor) },
		Run:     comeByTheBackDoor,
		Errno:   unix.ETIMEDOUT,
	},
}

var backDoorScene *machine // for what is set in the same process after Prepare

func prepareBackDoor(r *proof.Report) (cleanup func(), err error) {
	m, stop, err := busyMachine("alice")
	if err != nil {
		return nil, err
	}
	backDoorScene = m
	r.Saw("", "alice: a service, published nowhere, on", "0.0.0.0:80")
	r.Pass("world", m.world.path())
	return stop, nil
}

func comeByTheBackDoor(a *proof.Attacker) error {
	if err := enterPath(a.Get("world")); err != nil {
		return err
	}
	if err := addRoute("eth0", "10.7.0.0/24", outerAddr); err != nil {
		return err
	}
	a.Saw("the neighbour: ip route add", "10.7.0.0/24 via "+outerAddr)
	word, err := ask(seats["alice"].addr+":80", 2*time.Second)
	if err != nil {
		return fmt.Errorf("connect(10.7.0.2:80): %w", err)
	}
	a.Saw("the neighbour: connect(10.7.0.2:80)", word)
	return nil
}

// shutBackDoor runs on the host. It is
//
//	table ip course { chain door { type filter hook forward priority filter;
//		oifname != "br0" accept
//		ct state established,related accept
//		ct status dnat accept
//		drop } }
//
// To the bridge goes what answers a container, and what was sent here by a rule of ours.
func shutBackDoor() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	table := c.AddTable(&nftables.Table{Name: "course", Family: nftables.TableFamilyIPv4})
	chain := c.AddChain(&nftables.Chain{
		Name: "door", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})
	accept := &expr.Verdict{Kind: expr.VerdictAccept}
	const statusDNAT = 1 << 5 // IPS_DST_NAT
	for _, rule := range [][]expr.Any{
		{&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, &expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: interfaceName("br0")}, accept},
		{&expr.Ct{Key: expr.CtKeySTATE, Register: 1}, anyBit(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED), notZero, accept},
		{&expr.Ct{Key: expr.CtKeySTATUS, Register: 1}, anyBit(statusDNAT), notZero, accept},
		{&expr.Verdict{Kind: expr.VerdictDrop}},
	} {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: rule})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables(forward): %w", err)
	}
	return nil
}

func anyBit(bits uint32) expr.Any {
	return &expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4)}
}

var notZero = &expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)}
