// Package locale is the reader's language, and nothing else: a mydocker asks for it too, whose
// start is not to wait for anything.
package locale

import (
	"os"
	"strings"
)

// Lang is COURSE_LANG if it is set, else the locale's; "ru" or, for every other language, "en".
func Lang() string {
	for _, name := range []string{"COURSE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := os.Getenv(name); value != "" { // the first that is set decides (locale(7))
			if strings.HasPrefix(value, "ru") {
				return "ru"
			}
			return "en"
		}
	}
	return "en"
}
