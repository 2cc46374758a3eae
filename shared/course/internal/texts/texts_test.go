package texts

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCompare(t *testing.T) {
	const en = "# One\n\n### Proof 1.1 `a`: title\nWords.\n```console\n$ true\n```\n### Task 1.2 `b` (30 points): t\n```mermaid\nA --> B[box]\n```\n"
	const ru = "# Один\n\n### Доказательство 1.1 `a`: название\nСлова, и ещё.\n```console\n$ true\n```\n### Задание 1.2 `b` (30 баллов): т\n```mermaid\nA --> B[ящик]\n```\n"
	assert.NoError(t, Compare(en, ru))
	for name, bad := range map[string]string{
		"a fence":   "# Один\n\n### Доказательство 1.1 `a`: название\n```console\n$ false\n```\n",
		"a level":   "## Один\n",
		"an id":     "# Один\n\n### Доказательство 1.1 `b`: название\n",
		"a number":  "# Один\n\n### Доказательство 1.2 `a`: название\n",
		"the end":   "# Один\n",
		"more":      ru + "# Два\n",
		"points":    "# Один\n\n### Доказательство 1.1 `a`: название\n```console\n$ true\n```\n### Задание 1.2 `b` (20 баллов): т\n",
		"a picture": ru + "![x](y.svg)\n",
	} {
		assert.Error(t, Compare(en, bad), name)
	}
}
