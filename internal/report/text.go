package report

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/types"
)

var (
	login = regexp.MustCompile(`://[^/\s"@]*@`)
	query = regexp.MustCompile(`(://[^\s"?]*)\?[^\s"]*[^\s":,]`)
)

// Public makes one line of a message that others wrote, for people. What a URL holds beside host and path (a password, a
// signed query) stays out.
func Public(message string) string {
	return query.ReplaceAllString(login.ReplaceAllString(oneLine(message), "://"), "$1")
}

// oneLine keeps a message from breaking the table, or moving the cursor of the terminal that shows it.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(c rune) rune {
		if !unicode.IsSpace(c) && unicode.In(c, unicode.Cc, unicode.Cf) {
			return -1
		}
		return c
	}, text)), " ")
}

// shorten cuts a text that is longer than most bytes.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// Root is the first Kustomization of the report, which has brought the others; empty if there is none.
func (r *Report) Root() (key types.NamespacedName) {
	for i := range r.Units {
		if !r.Units[i].Part {
			key.Namespace, key.Name, _ = strings.Cut(r.Units[i].Name, "/")
			break
		}
	}
	return key
}

// Short is a unit's name without the namespace that the root has too. That of a part begins with its kind and stays whole.
func (r *Report) Short(name string) string {
	if root := r.Root(); root.Namespace != "" {
		return strings.TrimPrefix(name, root.Namespace+"/")
	}
	return name
}

// shorts are the short names of units, in one line.
func (r *Report) shorts(units []*Unit) string {
	names := make([]string, 0, len(units))
	for _, u := range units {
		names = append(names, r.Short(u.Name))
	}
	return strings.Join(names, ", ")
}
