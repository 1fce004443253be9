// Package set names the objects that one inline manifest brings. Talos creates what is missing and never changes what is
// there, so what is rendered otherwise must have other names: a new configuration is a new set beside the old one.
package set

const (
	// Namespace is where seed lives.
	Namespace = "seed-system"
	// ServiceAccount is who seed is, in every set.
	ServiceAccount = "seed"
	// Lease is the Lease in Namespace that lets one run at a time plant.
	Lease = "seed"
	// Label is on every object of a set but those that all sets share; its value is the set.
	Label = "seed.tazlab.net/set"
)

// Set identifies one inline manifest: the first digits of a hash of its content. The empty Set is none: then names have
// no suffix.
type Set string

// Name is that of the set's Job, ConfigMap, Role, RoleBinding and ClusterRoleBinding.
func (s Set) Name() string { return s.suffixed(ServiceAccount) }

// Carried is the name, in Namespace, under which the set carries the Secret called name to its place.
func (s Set) Carried(name string) string { return s.suffixed(name) }

// PullSecret is the name of the set's Secret with which the kubelet pulls seed's image.
func (s Set) PullSecret() string { return s.suffixed("seed-pull") }

// Labels are those of an object of the set.
func (s Set) Labels() map[string]string {
	l := map[string]string{"app.kubernetes.io/name": ServiceAccount}
	if s != "" {
		l[Label] = string(s)
	}
	return l
}

func (s Set) suffixed(name string) string {
	if s == "" {
		return name
	}
	return name + "-" + string(s)
}
