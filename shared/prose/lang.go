package prose

import (
	"strings"

	"mydocker.example/shared/internal/locale"
)

// Lang is the reader's language: COURSE_LANG if it is set, else the locale's; "ru" or,
// for every other language, "en".
func Lang() string { return locale.Lang() }

// File is the name of a text in a language: README.md is README.ru.md in "ru".
func File(base, lang string) string {
	if lang == "en" {
		return base
	}
	return strings.TrimSuffix(base, ".md") + "." + lang + ".md"
}
