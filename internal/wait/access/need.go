package access

import (
	"regexp"

	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/target"
)

// Of is what following an object of that resource needs; namespace is the Pod's own.
func Of(o *target.Object, r kinds.Resource, namespace string) Need {
	n := Need{Group: r.Group, Resource: r.Resource, Verbs: []string{"get", "watch"}, ClusterScoped: !r.Namespaced}
	if o.Namespace != "" {
		namespace = o.Namespace
	}
	if r.Namespaced {
		n.Namespace = namespace
	}
	if o.Selector != nil {
		n.Verbs[0] = "list"
	} else {
		n.Names = []string{o.Name}
	}
	return n
}

// userSecret is what Crunchy's operator calls the Secret of a user: CLUSTER-pguser-USER
// (https://access.crunchydata.com/documentation/postgres-operator/latest/architecture/user-management).
var userSecret = regexp.MustCompile(`^(.+)-pguser-.+$`)

// Bringers are the objects that by convention bring the Secret, by name alone: to look for others would need a list.
func Bringers(o *target.Object) []*target.Object {
	resource, found := kinds.Builtin(o.Kind, o.Version, o.Group)
	if !found || resource.Group != "" || resource.Resource != "secrets" || o.Name == "" {
		return nil
	}
	all := []*target.Object{{Namespace: o.Namespace, Kind: "externalsecrets", Group: "external-secrets.io", Name: o.Name}}
	if cluster := userSecret.FindStringSubmatch(o.Name); cluster != nil {
		all = append(all, &target.Object{Namespace: o.Namespace, Kind: "postgresclusters", Group: "postgres-operator.crunchydata.com", Name: cluster[1]})
	}
	return all
}

// OfBringers are the rights to look at the Bringers of o; namespace is that of o where it names none.
func OfBringers(o *target.Object, namespace string) []Need {
	var all []Need
	for _, b := range Bringers(o) {
		if b.Namespace != "" {
			namespace = b.Namespace
		}
		all = append(all, Need{
			Namespace: namespace, Group: b.Group, Resource: b.Kind, Names: []string{b.Name}, Verbs: []string{"get"},
			Why: "to say why " + o.Name + " is not there yet",
		})
	}
	return all
}
