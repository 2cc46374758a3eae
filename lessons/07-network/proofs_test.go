package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/labtest"
	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

func TestTextsAndProofsAgree(t *testing.T) {
	require.NoError(t, proof.CheckTexts(lesson))
}

// The two examples of RFC 1071 and a real IP header.
func TestChecksum(t *testing.T) {
	assert.Equal(t, ^uint16(0xddf2), checksum([]byte{0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7}, 0))
	assert.Equal(t, uint16(0xffff), checksum(nil, 0))
	assert.Equal(t, ^uint16(0x0100), checksum([]byte{1}, 0), "an odd byte is the high one")
}

func TestEchoRequestChecksItself(t *testing.T) {
	assert.Zero(t, checksum(echoRequest(7, 9), 0))
}

func TestSNMP(t *testing.T) {
	const text = "Ip: Forwarding InEchos\nIp: 1 77\nIcmp: InMsgs InEchos\nIcmp: 5 3\n"
	assert.Equal(t, 3, snmp(text, "Icmp:", "InEchos"))
	assert.Equal(t, -1, snmp(text, "Udp:", "InEchos"))
}

func TestFramesAreRead(t *testing.T) {
	for _, short := range [][]byte{nil, make([]byte, 13), make([]byte, 33)} {
		kind, _ := icmpIn(short)
		assert.Empty(t, kind)
		_, ok := addressee(short)
		assert.False(t, ok)
	}
	f := claim("alice", "bob")
	assert.Len(t, f, 42)
	assert.Equal(t, []byte(seats["mallory"].mac), f[6:12])
	sign(make([]byte, 20)) // no TCP: nothing to sign, and nothing to break
	assert.Len(t, lie, len(truth))
}

// The scenery goes with its descriptors.
func TestMachinesLeaveNothing(t *testing.T) {
	labtest.NeedLab(t)
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	m, err := newMachine("alice", "bob")
	require.NoError(t, err)
	require.NoError(t, m.addWorld())
	require.NoError(t, m.in("alice", func() error { return ping(seats["bob"].addr, patience) }))
	m.close()
}
