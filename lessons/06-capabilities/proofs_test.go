package main

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

func TestTextsAndProofsAgree(t *testing.T) {
	require.NoError(t, proof.CheckTexts(lesson))
}

func TestParseStatus(t *testing.T) {
	const text = "Name:\tcat\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t000001ffffffffff\nSeccomp:\t2\nSeccomp_filters:\t1\n"
	uid, err := parseStatus(strings.NewReader(text), "Uid")
	require.NoError(t, err)
	assert.Equal(t, "1000 1000 1000 1000", uid)
	filters, err := parseStatus(strings.NewReader(text), "Seccomp_filters")
	require.NoError(t, err)
	assert.Equal(t, "1", filters)
	_, err = parseStatus(strings.NewReader(text), "Cap") // the beginning of a name is not the name
	assert.Error(t, err)
}

func TestSets(t *testing.T) {
	assert.Equal(t, "00000000a80425fb", hex(docker))
	assert.Equal(t, "0000010000000001", hex(bit(unix.CAP_CHOWN)|bit(unix.CAP_CHECKPOINT_RESTORE)))
}

func TestTenCalls(t *testing.T) {
	assert.Len(t, calls, 10)
	for name, call := range calls {
		assert.Contains(t, []string{"EPERM", "EACCES"}, call.without, name)
	}
}

func TestNetlinkMessages(t *testing.T) {
	assert.Equal(t, []byte{7, 0, 3, 0, 'a', 'b', 0, 0}, attribute(3, []byte("ab\x00")))
	m := message(unix.RTM_NEWLINK, unix.NLM_F_ACK, []byte{1, 2, 3, 4})
	assert.Equal(t, uint32(len(m)), binary.NativeEndian.Uint32(m))
	assert.Equal(t, uint16(unix.NLM_F_REQUEST|unix.NLM_F_ACK), binary.NativeEndian.Uint16(m[6:]))
}

// Every jump of the filters by hand ends inside of them, and the last instruction is an end.
func TestFilters(t *testing.T) {
	for _, filter := range [][]unix.SockFilter{
		forbid(unix.SYS_SETHOSTNAME, unix.SECCOMP_RET_KILL_PROCESS),
		forbidArgument(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SECCOMP_RET_KILL_PROCESS),
	} {
		assert.Equal(t, uint16(ret), filter[len(filter)-1].Code)
		for at, i := range filter {
			if i.Code == jeq || i.Code == jge {
				assert.Less(t, at+1+int(max(i.Jt, i.Jf)), len(filter))
			}
		}
	}
}

func TestAnswer(t *testing.T) {
	assert.Equal(t, "ok", answer(nil))
	assert.Equal(t, "EPERM", answer(unix.EPERM))
	assert.Equal(t, "EACCES", said("a text", unix.EACCES))
	assert.Equal(t, "a text", said("a text", nil))
}
