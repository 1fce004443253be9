package access

import (
	"cmp"
	"slices"
)

// scope is the rules of a namespace, or of the cluster if it is "".
type scope struct {
	namespace string
	rules     []rule
}

// rule is a rule of a Role.
type rule struct {
	APIGroups     []string `json:"apiGroups"`
	ResourceNames []string `json:"resourceNames,omitempty"`
	Resources     []string `json:"resources"`
	Verbs         []string `json:"verbs"`

	whys []string // what it is for
}

// scopes merges the needs: of each namespace those that differ in nothing but the names.
func scopes(needs []Need) []scope {
	var all []scope
	for _, need := range needs {
		i := slices.IndexFunc(all, func(s scope) bool { return s.namespace == need.Namespace })
		if i < 0 {
			i = len(all)
			all = append(all, scope{namespace: need.Namespace})
		}
		all[i].add(need)
	}
	for _, s := range all {
		for i := range s.rules {
			s.rules[i].ResourceNames, s.rules[i].whys = unique(s.rules[i].ResourceNames), unique(s.rules[i].whys)
		}
		slices.SortFunc(s.rules, compare)
	}
	slices.SortFunc(all, func(a, b scope) int { return cmp.Compare(a.namespace, b.namespace) })
	return all
}

func (s *scope) add(need Need) {
	added := rule{[]string{need.Group}, need.Names, []string{need.Resource}, unique(need.Verbs), nil}
	if need.Why != "" {
		added.whys = []string{need.Why}
	}
	for i, r := range s.rules {
		// Names of two resources in one rule would grant each name of either.
		if compare(r, added) == 0 {
			s.rules[i].ResourceNames = slices.Concat(r.ResourceNames, added.ResourceNames)
			s.rules[i].whys = append(r.whys, added.whys...)
			return
		}
	}
	s.rules = append(s.rules, added)
}

// compare is 0 for two rules that may become one. One without names is for all: it may not swallow one with names.
func compare(a, b rule) int {
	return cmp.Or(
		slices.Compare(a.APIGroups, b.APIGroups), slices.Compare(a.Resources, b.Resources),
		cmp.Compare(min(len(a.ResourceNames), 1), min(len(b.ResourceNames), 1)), slices.Compare(a.Verbs, b.Verbs),
	)
}

// unique sorts a copy; without texts it is nil.
func unique(texts []string) []string { return slices.Compact(slices.Sorted(slices.Values(texts))) }
