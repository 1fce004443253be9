package check

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// meant is what a path that leads nowhere probably means, and why; "" if nothing is near. It looks for the same name elsewhere
// (moved), then for a similar name in the same folder (misspelt), among what wanted takes.
func (t *Tree) meant(missing string, wanted func(name string) bool) string {
	var best string
	score := 0
	for _, name := range t.names(wanted) {
		if path.Base(name) == path.Base(missing) {
			if s := 1 + tail(name, missing); s > score {
				best, score = name, s
			} else if s == score {
				best = "" // two are as good
			}
		}
	}
	if best != "" {
		return best
	}
	limit := 1 + len(path.Base(missing))/4
	for _, name := range t.names(wanted) {
		if path.Dir(name) != path.Dir(missing) {
			continue
		}
		if d := distance(path.Base(name), path.Base(missing)); d <= limit {
			best, limit = name, d-1
		}
	}
	return best
}

func (t *Tree) names(wanted func(string) bool) []string {
	var names []string
	for name := range t.files {
		if wanted(name) {
			names = append(names, name)
		}
	}
	for name := range t.folders {
		if wanted(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// tail is how many parts at the end of two paths are the same, counted also from the beginning.
func tail(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < min(len(x), len(y)) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	for i := 0; i < min(len(x), len(y)) && x[i] == y[i]; i++ {
		n++
	}
	return n
}

// distance is the number of characters to add, remove or change to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		left := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := left
			if a[i-1] != b[j-1] {
				cost++
			}
			left, row[j] = row[j], min(row[j]+1, row[j-1]+1, cost)
		}
	}
	return row[len(b)]
}

// relative is how a path is written in a file of the folder dir.
func relative(dir, name string) string {
	to, err := filepath.Rel(dir, name)
	if err != nil {
		return name
	}
	return to
}
