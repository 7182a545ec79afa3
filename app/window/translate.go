//go:build cgo || !darwin

package window

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"fyne.io/fyne/v2/lang"
)

//go:embed translations
var translations embed.FS

// Translate loads our words for the languages we have. It must be called once,
// before the first page is drawn; without it everything is in English.
func Translate() error {
	if err := lang.AddTranslationsFS(translations, "translations"); err != nil {
		return fmt.Errorf("load translations: %w", err)
	}
	return nil
}

// phrase is a sentence that comes with its data in it, as translations know it:
// with {{.P1}}, {{.P2}} … where the data is.
type phrase struct {
	key     string
	pattern *regexp.Regexp
}

// hole is where a phrase has data.
var hole = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{\{\.(P[0-9]+)\}\}`) })

// newPhrase makes a phrase of a key.
func newPhrase(key string) phrase {
	var pattern strings.Builder
	pattern.WriteString("^")
	at := 0
	for _, found := range hole().FindAllStringSubmatchIndex(key, -1) {
		pattern.WriteString(regexp.QuoteMeta(key[at:found[0]]) + "(?P<" + key[found[2]:found[3]] + ">.+?)")
		at = found[1]
	}
	pattern.WriteString(regexp.QuoteMeta(key[at:]) + "$")
	return phrase{key, regexp.MustCompile("(?s)" + pattern.String())}
}

// words is how much of a phrase is not data.
func (p phrase) words() int { return len(hole().ReplaceAllString(p.key, "")) }

// data is what stands in the holes of the phrase; ok is false where the text is
// another one.
func (p phrase) data(text string) (data map[string]any, ok bool) {
	found := p.pattern.FindStringSubmatch(text)
	if found == nil {
		return nil, false
	}
	data = map[string]any{}
	for i, name := range p.pattern.SubexpNames() {
		if name != "" {
			data[name] = found[i]
		}
	}
	return data, true
}

// leastWords is how much a phrase must say itself: one that is hardly more than
// its data would fit anything.
const leastWords = 8

// problemTexts are the phrases that a translation of ours holds, those that say
// most first.
var problemTexts = sync.OnceValue(func() []phrase {
	keys := map[string]bool{}
	files, _ := fs.Glob(translations, "translations/*.json")
	for _, file := range files {
		if file == "translations/en.json" { // words of the windows themselves
			continue
		}
		data, err := fs.ReadFile(translations, file)
		var texts map[string]any
		if err != nil || json.Unmarshal(data, &texts) != nil {
			continue // Translate says so
		}
		for key := range texts {
			keys[key] = true
		}
	}
	return phrasesOf(keys)
})

func phrasesOf(keys map[string]bool) []phrase {
	var all []phrase
	for key := range keys {
		if p := newPhrase(key); p.words() >= leastWords {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b phrase) int {
		return cmp.Or(cmp.Compare(b.words(), a.words()), cmp.Compare(a.key, b.key))
	})
	return all
}

// translated is the text in the person's language, as far as one of the phrases
// fits it. The data stays data: nothing in it is taken for a template.
func translated(text string, known []phrase) string {
	for _, p := range known {
		if data, ok := p.data(text); ok {
			return lang.X(p.key, p.key, data)
		}
	}
	return text
}
