// Package kinds knows the kinds that every Kubernetes API server brings, as kubectl spells them.
package kinds

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resource is a kind as the API server serves it.
type Resource struct {
	schema.GroupVersionResource
	Kind       string
	Namespaced bool
	// Status tells whether there is a status subresource: then an object without status is one that no controller has seen.
	Status bool
}

// known is a Resource with all its names in lower case: singular, plural, short names.
type known struct {
	Resource
	names []string
}

var builtin = parse(table)

func parse(table string) []known {
	var all []known
	for line := range strings.Lines(strings.TrimSpace(table)) {
		column := strings.Fields(line)
		// ParseGroupVersion fails for more than one slash only.
		version, _ := schema.ParseGroupVersion(column[0])
		k := known{Resource{
			GroupVersionResource: version.WithResource(column[1]), Kind: column[2],
			Namespaced: column[4] == "namespaced", Status: len(column) > 5,
		}, []string{strings.ToLower(column[2]), column[1]}}
		if column[3] != "-" {
			k.names = append(k.names, strings.Split(column[3], ",")...)
		}
		all = append(all, k)
	}
	return all
}

// Builtin finds a kind by its plural, singular, short name or Kind, in any case. Without a version it is the one that
// Kubernetes 1.36 prefers; any other is taken as it is. Without a group it is the first group that has the kind, as for
// kubectl. It is false for every kind that has to be installed. An API server older than 1.36 may lack one that it knows.
func Builtin(kind, version, group string) (Resource, bool) {
	kind = strings.ToLower(kind)
	for _, k := range builtin {
		if group != "" && group != k.Group || !slices.Contains(k.names, kind) {
			continue
		}
		if version != "" {
			k.Version = version
		}
		return k.Resource, true
	}
	return Resource{}, false
}

var (
	// open are the groups of the table in which an API server may serve more kinds: alpha or beta ones of Kubernetes 1.36.
	open = []string{"certificates.k8s.io", "coordination.k8s.io", "resource.k8s.io", "scheduling.k8s.io"}
	// closed are Kubernetes' own groups without a kind that can be watched.
	closed = []string{"authentication.k8s.io", "authorization.k8s.io"}
)

// OwnGroup tells whether Builtin knows all kinds of the group that one can wait for, so that another one is a typo, never
// a kind that may be installed later. The suffix .k8s.io does not tell: see snapshot.storage.k8s.io.
func OwnGroup(group string) bool {
	if slices.Contains(closed, group) {
		return true
	}
	return !slices.Contains(open, group) && slices.ContainsFunc(builtin, func(k known) bool { return k.Group == group })
}

// Names are all spellings that Builtin knows, in lower case; those of a kind stand together, its singular first.
func Names() []string {
	var names []string
	for _, k := range builtin {
		names = append(names, k.names...)
	}
	return names
}
