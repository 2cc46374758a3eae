package texts

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

var term = regexp.MustCompile(`(?m)^\*\*([^*]+)\*\*(.*)$`)

// Glossary holds a glossary: the same terms in both languages, in the order of the English
// alphabet, and each with the place where it is taught.
func Glossary(path string) error {
	en, err := terms(path)
	if err != nil {
		return err
	}
	ru, err := terms(strings.TrimSuffix(path, ".md") + ".ru.md")
	if err != nil {
		return err
	}
	if len(en) == 0 {
		return fmt.Errorf("%s has no terms", path)
	}
	for i := range max(len(en), len(ru)) {
		switch {
		case i >= len(ru) || i >= len(en) || en[i] != ru[i]:
			return fmt.Errorf("term %d is not the same in both languages: %q, %q", i+1, at(en, i), at(ru, i))
		case i > 0 && order(en[i-1]) >= order(en[i]):
			return fmt.Errorf("%q stands after %q", en[i], en[i-1])
		}
	}
	return nil
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// terms are the words that a glossary explains.
func terms(path string) (list []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for _, m := range term.FindAllStringSubmatch(string(text), -1) {
		if !label.MatchString(m[2]) {
			return nil, fmt.Errorf("%s: %q is taught nowhere", path, m[1])
		}
		list = append(list, m[1])
	}
	return list, nil
}

// order is what a term is sorted by: its letters and digits.
func order(term string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune("`/-.() ", r) {
			return -1
		}
		return r
	}, term))
}
