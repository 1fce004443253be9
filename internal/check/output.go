package check

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Result is what there is to tell.
type Result struct {
	Findings  []Finding   `json:"findings"`
	Clusters  []Looked    `json:"clusters"`
	NotLooked []NotLooked `json:"notLookedInto"`
	// Releases are what AddReleases was asked for: nil if nobody did.
	Releases []Listed `json:"releases,omitzero"`
}

// Looked is how much of a cluster was looked into.
type Looked struct {
	Name  string `json:"name"`
	Units int    `json:"units"`
	// Charts are those that were rendered; Objects has theirs, too.
	Charts  int `json:"charts"`
	Objects int `json:"objects"`
}

// Add puts what was found in a repository to the rest: once, if it was found before, as in what clusters that are named one by one
// have in common. Prefix leads to its files from where they are told.
func (r *Result) Add(t *Tree, prefix string) {
	for _, f := range Run(t) {
		f.File = prefix + f.File
		r.Findings = append(r.Findings, f)
	}
	r.Findings = compacted(r.Findings)
	for _, c := range t.Clusters {
		looked := Looked{Name: prefix + c.Name, Objects: len(c.Objects())}
		for _, unit := range c.Units {
			if unit.NotLooked == "" {
				looked.Units++
			}
		}
		for _, release := range c.Releases {
			if release.NotLooked == "" {
				looked.Charts++
			}
		}
		r.Clusters = append(r.Clusters, looked)
	}
	for _, n := range t.NotLooked {
		if n.What = prefix + n.What; !slices.Contains(r.NotLooked, n) {
			r.NotLooked = append(r.NotLooked, n)
		}
	}
}

// Count is how many findings there are of a severity.
func (r *Result) Count(severity Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

// Text writes for people: findings by file, what was not looked into, and the sum.
func (r *Result) Text(w io.Writer) {
	file := ""
	for _, f := range r.Findings {
		if f.File != file {
			file = f.File
			fmt.Fprintf(w, "%s\n", file)
		}
		fmt.Fprintf(w, "  %d: %s %s: %s%s\n      %s\n", f.Line, f.Severity, f.Code, f.subject(), f.Why, f.How)
	}
	if len(r.Findings) > 0 {
		fmt.Fprintln(w)
	}
	for _, n := range r.NotLooked {
		fmt.Fprintf(w, "not looked into: %s: %s\n", n.What, n.Why)
	}
	for _, c := range r.Clusters {
		units := many(c.Units, "unit")
		if c.Charts > 0 {
			units += ", " + many(c.Charts, "chart")
		}
		fmt.Fprintf(w, "looked into: %s: %s, %s\n", c.Name, units, many(c.Objects, "object"))
	}
	fmt.Fprintln(w, r.sum())
}

// subject is what a finding is about, with a colon.
func (f Finding) subject() string {
	switch {
	case f.Release != "":
		return f.Object + " (HelmRelease " + f.Release + ", unit " + f.Unit + "): "
	case f.Object != "" && f.Unit != "":
		return f.Object + " (unit " + f.Unit + "): "
	case f.Unit != "":
		return "unit " + f.Unit + ": "
	case f.Object != "":
		return f.Object + ": "
	}
	return ""
}

func (r *Result) sum() string {
	return fmt.Sprintf("%s, %s, %s in %s", many(r.Count(Error), "error"), many(r.Count(Warning), "warning"), many(r.Count(Note), "note"), many(len(r.Clusters), "cluster"))
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// GitHub writes workflow commands, which GitHub shows at the lines of a pull request.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func (r *Result) GitHub(w io.Writer) {
	for _, f := range r.Findings {
		command := map[Severity]string{Error: "error", Warning: "warning", Note: "notice"}[f.Severity]
		fmt.Fprintf(w, "::%s file=%s,line=%d,title=%s::%s\n", command, property(f.File), f.Line, property(f.Code), data(f.subject()+f.Why+" "+f.How))
	}
	for _, n := range r.NotLooked {
		fmt.Fprintf(w, "not looked into: %s: %s\n", data(n.What), data(n.Why))
	}
	fmt.Fprintln(w, r.sum())
}

// data escapes the message of a workflow command, property the value of one of its properties, as @actions/core does.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// JSON writes all of it.
func (r *Result) JSON(w io.Writer) error {
	out := *r
	if out.Findings == nil {
		out.Findings = []Finding{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
