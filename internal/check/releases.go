package check

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Listed is a HelmRelease with what its chart is filled in with.
type Listed struct {
	// Cluster is the cluster's folder, Unit "namespace/name" of the Flux Kustomization that applies the release. File and Line are as
	// in Finding.
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Unit      string `json:"unit"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Suspended bool   `json:"suspended,omitempty"`
	// Chart is the chart's name, or its folder in this repository, Version the one that is asked for, Source "Kind namespace/name" of
	// where it comes from. Each is "" where the tree does not say.
	Chart   string `json:"chart,omitempty"`
	Version string `json:"version,omitempty"`
	Source  string `json:"source,omitempty"`
	// Objects is how many the chart makes. NotLooked says why that is not known, and is "" where it is.
	Objects   int    `json:"objects"`
	NotLooked string `json:"notLookedInto,omitempty"`
	// Values are those of valuesFrom and spec.values, merged. In the place of one that is secret or not known stands why.
	Values map[string]any `json:"values"`
	// Withheld are those that are not told.
	Withheld []Withheld `json:"withheld"`
}

// Withheld is a value that is not told.
type Withheld struct {
	// Key leads to it: "auth.password", "hosts[0]". It is "" if it may be any.
	Key string `json:"key,omitempty"`
	Why string `json:"why"`
}

// AddReleases puts the releases of a repository to the rest. Nothing that its Secrets hold is in it.
func (r *Result) AddReleases(t *Tree, prefix string) error {
	for _, c := range t.Clusters {
		veiled, err := t.veil(c)
		if err != nil {
			return err
		}
		told := map[string][]*Release{}
		for _, release := range veiled.Releases {
			told[release.place()] = append(told[release.place()], release)
		}
		var all []Listed
		for _, known := range c.Releases {
			l := known.unlisted()
			if same := told[known.place()]; len(same) > 0 {
				l, told[known.place()] = same[0].listed(t, known), same[1:]
			}
			l.Cluster, l.File = prefix+c.Name, prefix+l.File
			all = append(all, l)
		}
		slices.SortStableFunc(all, func(a, b Listed) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Unit, b.Unit))
		})
		r.Releases = append(r.Releases, all...)
	}
	return nil
}

// place is where a release and its unit stand: what is in a Secret may change their names.
func (r *Release) place() string {
	return fmt.Sprintf("%s:%d of %s:%d", r.File, r.Line, r.Unit.File, r.Unit.Line)
}

// unlisted is what is told of a release that is not there, or elsewhere, without what Secrets hold: where its unit stands.
func (r *Release) unlisted() Listed {
	const why = "what it is depends on a Secret"
	return Listed{Name: "(" + whySecret + ")", File: r.Unit.File, Line: max(r.Unit.Line, 1), NotLooked: why, Values: map[string]any{}, Withheld: []Withheld{{Why: why}}}
}

// listed tells of a release; known is the same one with what Secrets hold, of which only that is told that it is known.
func (r *Release) listed(t *Tree, known *Release) Listed {
	l := Listed{
		Namespace: r.GetNamespace(), Name: r.GetName(), Unit: r.Unit.ID(), File: r.File, Line: max(r.Line, 1), Suspended: r.suspended(),
		Chart: r.Chart, Version: r.Version, Source: r.Source, Objects: len(known.Objects), NotLooked: known.NotLooked, Withheld: []Withheld{},
	}
	if r.Path != "" {
		l.Chart, l.Version = r.Path, ""
		if file := t.File(r.Path + "/Chart.yaml"); file != nil && len(file.Docs) == 1 {
			l.Version = file.Docs[0].String("version")
		}
	}
	l.Values, _ = l.tell(r.Values, known.Values, "").(map[string]any)
	for _, why := range r.gaps {
		l.Withheld = append(l.Withheld, Withheld{Why: why})
	}
	return l
}

// tell makes a value one that can be told, and notes what cannot: at is its key, known what it is with what Secrets hold.
func (l *Listed) tell(value, known any, at string) any {
	switch value := value.(type) {
	case map[string]any:
		below, _ := known.(map[string]any)
		told := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			told[key] = l.tell(value[key], below[key], strings.TrimPrefix(at+"."+key, "."))
		}
		return told
	case []any:
		below, _ := known.([]any)
		told := make([]any, len(value))
		for i := range value {
			var one any
			if i < len(below) {
				one = below[i]
			}
			told[i] = l.tell(value[i], one, fmt.Sprintf("%s[%d]", at, i))
		}
		return told
	case withheld:
		if value.why == whyUnknown && known != nil && !hasWithheld(known) {
			value.why = whySecret
		}
		l.Withheld = append(l.Withheld, Withheld{at, value.String()})
		return value.String()
	}
	return value
}

// ReleasesText writes for people: the releases of each cluster, with their values as YAML. It writes nothing if nobody asked for them.
func (r *Result) ReleasesText(w io.Writer) error {
	if r.Releases == nil {
		return nil
	}
	for _, c := range r.Clusters {
		of := slices.DeleteFunc(slices.Clone(r.Releases), func(l Listed) bool { return l.Cluster != c.Name })
		fmt.Fprintf(w, "%s: %s\n", c.Name, many(len(of), helmv2Kind))
		for _, l := range of {
			if err := l.text(w); err != nil {
				return err
			}
		}
		fmt.Fprintln(w)
	}
	return nil
}

func (l Listed) text(w io.Writer) error {
	who := l.Name
	if l.Unit != "" {
		who = fmt.Sprintf("%s/%s (unit %s)", l.Namespace, l.Name, l.Unit)
	}
	fmt.Fprintf(w, "\n  %s, %s:%d%s\n", who, l.File, l.Line, map[bool]string{true: ", suspended"}[l.Suspended])
	chart := strings.TrimSpace(cmp.Or(l.Chart, "of a name that the tree does not say") + " " + l.Version)
	if l.Source != "" {
		chart += " of " + l.Source
	}
	looked := "rendered: " + many(l.Objects, "object")
	if l.NotLooked != "" {
		looked = "not looked into: " + l.NotLooked
	}
	fmt.Fprintf(w, "    chart %s, %s\n", chart, looked)
	for _, withheld := range l.Withheld {
		if withheld.Key == "" {
			fmt.Fprintf(w, "    may have other values: %s\n", withheld.Why)
		}
	}
	if len(l.Values) == 0 {
		fmt.Fprintln(w, "    values: none")
		return nil
	}
	values, err := yaml.Marshal(l.Values)
	if err != nil {
		return fmt.Errorf("writing the values of HelmRelease %s/%s: %w", l.Namespace, l.Name, err)
	}
	fmt.Fprintln(w, "    values:")
	for line := range strings.Lines(string(values)) {
		if line != "\n" {
			line = "      " + line
		}
		fmt.Fprint(w, line)
	}
	return nil
}
