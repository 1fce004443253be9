// Package check looks at a repository as Flux will see it, without a cluster and without the network, and finds what would be
// found only after the push.
package check

import (
	"cmp"
	"slices"
)

// Severity says what a finding is worth.
type Severity string

// The severities. Only an error makes seed check fail, unless it is strict.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is one thing that is wrong, at one place.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// File is relative to the root of the repository, Line begins at 1.
	File string `json:"file"`
	Line int    `json:"line"`
	// Object is "Kind namespace/name", Unit "namespace/name" of a Flux Kustomization; both may be "". Release is "namespace/name"
	// of the HelmRelease whose chart makes Object.
	Object  string `json:"object,omitempty"`
	Unit    string `json:"unit,omitempty"`
	Release string `json:"release,omitempty"`
	// Why is one sentence: what is so, and what comes of it. How is one sentence: what to do.
	Why string `json:"why"`
	How string `json:"how"`
}

// Code is a kind of finding. Its page is the section of docs/check.md that its code names.
type Code struct {
	Code, Title string
	// Severity is the one that findings have unless they say another.
	Severity Severity
	find     func(*Tree) []Finding
}

// together is what several find under one code.
func together(finds ...func(*Tree) []Finding) func(*Tree) []Finding {
	return func(t *Tree) []Finding {
		var all []Finding
		for _, find := range finds {
			all = append(all, find(t)...)
		}
		return all
	}
}

// Run looks for everything in t. What several clusters or units have in common is found once, of a chart once for each release.
func Run(t *Tree) []Finding {
	var all []Finding
	for _, code := range Codes {
		for _, f := range code.find(t) {
			f.Code, f.Severity, f.Line = code.Code, cmp.Or(f.Severity, code.Severity), max(f.Line, 1)
			all = append(all, f)
		}
	}
	return compacted(all)
}

// compacted sorts findings by their places, and leaves one of those that say the same of the same object, of whatever unit.
func compacted(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Or(byPlace(a, b), cmp.Compare(a.Unit, b.Unit)) })
	return slices.CompactFunc(all, func(a, b Finding) bool { return byPlace(a, b) == 0 })
}

// byPlace orders findings: two are equal if they say the same of the same object.
func byPlace(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Why, b.Why), cmp.Compare(a.Release, b.Release), cmp.Compare(a.Object, b.Object))
}
