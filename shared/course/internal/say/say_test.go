package say

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHang(t *testing.T) {
	assert.Equal(t, "  vm    a shell in the lab,\n        где ничего не\n        сломать", hang("  vm    ", "a shell in the lab, где ничего не сломать", 28))
	assert.Equal(t, "vm  a  line that fits\n    and a second, that\n    is longer", hang("vm  ", "a  line that fits\nand a second, that is longer", 24))
	assert.Equal(t, "vm  \\x1b[2J", hang("vm  ", "\x1b[2J", 24))
	assert.Equal(t, "\x1b[31mno\x1b[0m: a text that is\n    broken", hang("\x1b[31mno\x1b[0m: ", "a text that is broken", 24))
	assert.Equal(t, "vm  a  shell", hang("vm  ", "a  shell", 0), "nobody reads")
	assert.Equal(t, "vm  a shell in the lab", hang("vm  ", "a shell in the lab", 10), "no room at all")
}
