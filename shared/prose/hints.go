package prose

import (
	"fmt"
	"regexp"
	"strings"
)

var hintOpens = regexp.MustCompile(`^<details><summary>(?:Hint|Подсказка) ([0-9]+)</summary>$`)

// cutHints takes the hints out of a section's lines:
//
//	<details><summary>Hint 1</summary>
//
//	text
//
//	</details>
func cutHints(lines []string) (body string, hints []string, err error) {
	var kept, hint []string
	open := false
	var fence Fence
	for _, line := range lines {
		fenced := fence.Inside(line)
		text := strings.TrimSpace(line)
		m := hintOpens.FindStringSubmatch(text)
		switch {
		case !fenced && m != nil:
			if want := fmt.Sprint(len(hints) + 1); open || m[1] != want {
				return "", nil, fmt.Errorf("hint %s stands where hint %s is due, or the one before it is not closed", m[1], want)
			}
			open, hint = true, nil
		case !fenced && open && text == "</details>":
			hints = append(hints, strings.TrimSpace(strings.Join(hint, "\n")))
			open = false
		case open:
			hint = append(hint, line)
		default:
			kept = append(kept, line)
		}
	}
	if open {
		return "", nil, fmt.Errorf("hint %d is not closed by </details>", len(hints)+1)
	}
	return strings.TrimSpace(strings.Join(kept, "\n")), hints, nil
}
