package view

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// clean makes one line that moves no cursor, of a text that came from a cluster: without control characters, of which escape
// sequences are made, and without those that a terminal does not show but that change the order or the width of others.
func clean(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c), unicode.In(c, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.In(c, unicode.Cc, unicode.Cf, unicode.Variation_Selector):
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, string(utf8.RuneError)))
	return strings.Join(strings.Fields(text), " ")
}

// columns is how many columns of a terminal a clean text takes.
func columns(text string) int {
	sum := 0
	for _, c := range text {
		sum += columnsOf(c)
	}
	return sum
}

// columnsOf follows https://www.unicode.org/reports/tr11/, and takes what is ambiguous there as narrow, as terminals do.
func columnsOf(c rune) int {
	if unicode.In(c, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(c).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

const ellipsis = "…"

// cut shortens a text to that many columns.
func cut(text string, most int) string {
	if columns(text) <= most {
		return text
	}
	return head(text, most-1) + ellipsis[:len(ellipsis)*min(max(most, 0), 1)]
}

// squeeze shortens a name in its middle: the ends of names tell them apart.
func squeeze(name string, most int) string {
	if columns(name) <= most || most < 5 {
		return cut(name, most)
	}
	tail := []rune(name)
	for columns(string(tail)) > (most-1)/2 {
		tail = tail[1:]
	}
	return head(name, most-1-columns(string(tail))) + ellipsis + string(tail)
}

// head is the beginning of a text, of at most that many columns.
func head(text string, most int) string {
	for i, c := range text {
		if most -= columnsOf(c); most < 0 {
			return text[:i]
		}
	}
	return text
}

// wrap breaks a clean text into lines, between words where it can: the first may be of another width than the others.
func wrap(text string, first, others int) []string {
	var all []string
	line, most := "", first
	for word := range strings.FieldsSeq(text) {
		for {
			if next := strings.TrimLeft(line+" "+word, " "); columns(next) <= most {
				line = next
				break
			}
			if line == "" && len(all) > 0 { // a word that is wider than a line
				line = head(word, most)
				if line == "" {
					return append(all, word)
				}
				word = word[len(line):]
			}
			all, line, most = append(all, line), "", others
		}
	}
	return append(all, line)
}

// pad fills a text up with spaces.
func pad(text string, to int) string {
	return text + strings.Repeat(" ", max(to-columns(text), 0))
}

// moment is how long after the start something happened.
func moment(at, zero time.Time) string {
	return short(max(at.Sub(zero), 0))
}

// short is a time that is over.
func short(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// lasted is how long something takes until now: whole seconds, for a person looks on.
func lasted(d time.Duration) string {
	return max(d, 0).Truncate(time.Second).String()
}

// took is how long a step took.
func took(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }
