package check

import "cmp"

// clusterExternal notes the Secrets of the ExternalSecrets that a ClusterExternalSecret makes, in namespaces that are not known.
func (b *brought) clusterExternal(o *Object) {
	b.maker("", "Secret")
	b.merges(thing{"Secret", "", cmp.Or(o.text("spec", "externalSecretSpec", "target", "name"), o.text("spec", "externalSecretName"), o.GetName())})
}

// merges notes that something adds keys to a thing which something else brings.
func (b *brought) merges(t thing) {
	if !Substituted(t.namespace) {
		t.namespace = ""
	}
	if !Substituted(t.name) {
		t.name = ""
	}
	b.merged[t] = true
}

// mayMerge tells whether a thing may have other keys than who brings it gives it.
func (b *brought) mayMerge(t thing) bool {
	for _, namespace := range []string{t.namespace, ""} {
		for _, name := range []string{t.name, ""} {
			if b.merged[thing{t.kind, namespace, name}] {
				return true
			}
		}
	}
	return false
}
