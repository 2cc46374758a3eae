package prose

import (
	"os"
	"strings"
)

// Lang is the reader's language: COURSE_LANG if it is set, else the locale's; "ru" or,
// for every other language, "en".
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

// File is the name of a text in a language: README.md is README.ru.md in "ru".
func File(base, lang string) string {
	if lang == "en" {
		return base
	}
	return strings.TrimSuffix(base, ".md") + "." + lang + ".md"
}
