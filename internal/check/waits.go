package check

import (
	"cmp"
	"slices"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// wait is something without which the containers of a Pod do not start: waitfor holds them, or the kubelet does.
type wait struct {
	*pod
	// at is where it stands in the object.
	at []string
	// what it is, as people say it: "Secret db", "tcp://db:5432".
	what string
	// from is the object itself, or one of which an operator makes it: nil where that is not known.
	from *Object
	// by is the unit that brings it, nil where that is not known. It is there when the unit is applied, with late some time after
	// that, with ready when the unit is Ready.
	by          *Unit
	ready, late bool
	// held says that waitfor waits, not the kubelet.
	held bool
	// sure says that it comes from nothing else, and that the Pod cannot do without.
	sure bool
}

// waits are those of all Pods that start with their objects. What a Pod has beside it in its own unit is none, if it comes at once.
func (c *Cluster) waits() []wait {
	b := c.brought()
	var all []wait
	for _, p := range c.pods() {
		if p.once {
			all = append(all, b.waits(p)...)
		}
	}
	return all
}

func (b *brought) waits(p *pod) []wait {
	var all []wait
	for _, f := range p.waitfors() {
		all = append(all, b.held(p, f)...)
	}
	for _, n := range p.needs() {
		if !n.pull {
			all = append(all, b.thing(wait{pod: p, at: n.at}, thing{n.kind, p.GetNamespace(), n.name}))
		}
	}
	said := map[string]bool{}
	return slices.DeleteFunc(all, func(w wait) bool {
		if said[w.what] || w.beside() {
			return true
		}
		said[w.what] = true
		return false
	})
}

// held are what a waitfor holds the Pods for.
func (b *brought) held(p *pod, f *waitfor) []wait {
	if f.unknown || !Substituted(f.namespace) {
		return nil
	}
	var all []wait
	var names []string
	for _, t := range f.held {
		subject, _, _ := strings.Cut(t.Text, "#")
		w := wait{pod: p, at: f.at, what: subject, held: true}
		if t.Object != nil {
			w = b.object(w, t.Object, f.namespace)
		} else {
			w = b.endpoint(w, t.Endpoint)
		}
		all, names = append(all, w), append(names, w.what)
		if t.Endpoint == nil {
			continue
		}
		if password := passwordOf(t.Endpoint); password != nil {
			all = append(all, b.object(wait{pod: p, at: f.at, held: true}, password, f.namespace))
		}
	}
	if f.any && len(names) > 1 {
		return []wait{{pod: p, at: f.at, what: "one of " + strings.Join(names, ", "), held: true}}
	}
	return all
}

// thing finds out where a Secret or ConfigMap comes from.
func (b *brought) thing(w wait, t thing) wait {
	w.what = called(t.kind, t.namespace, t.name, w.GetNamespace())
	if by := b.by[t]; len(by) == 1 {
		w.from, w.by, w.late = by[0].Object, by[0].Unit, by[0].late
		w.sure = !w.beside() && b.only(w.from, t) // which looks through everything
	}
	return w
}

// beside tells whether what is waited for comes at once, in the Pod's own unit, and not even waitfor waits for it.
func (w wait) beside() bool { return !w.held && (w.by == nil || w.by == w.Unit && !w.late) }

// called is how an object is told: with its namespace if that is another one.
func called(kind, namespace, name, own string) string {
	if kind == "CustomResourceDefinition" {
		kind = "CRD"
	}
	if namespace != "" && namespace != own {
		name = namespace + "/" + name
	}
	return kind + " " + name
}

// only tells whether a thing, or another object of a namespace, comes from nothing but o: neither from a unit that was not looked
// into, nor from a chart or an operator that is not known, nor from anybody who may write it.
func (b *brought) only(o *Object, t thing) bool {
	switch {
	case b.cluster.Incomplete != "" || t.namespace == "" || !Substituted(t.namespace+t.name):
		return false
	case strings.HasPrefix(t.namespace, "kube-") || slices.Contains(always, t.name) || b.cluster.Charts(t.namespace):
		return false
	case t.kind == "Secret" && t.namespace == b.cluster.Root.Namespace: // seed, or whoever installs Flux, brings credentials
		return false
	case o.shared() || o.skipped() || o.Unit.Spec.Suspend:
		return false
	}
	return !b.mayMake(t)
}

// mayMake tells whether somebody else may make a thing: who may make other objects is not known, an operator that makes Secrets may.
func (b *brought) mayMake(t thing) bool {
	kind := "Secret"
	if t.kind == "ConfigMap" {
		kind = t.kind
	}
	return b.makers[thing{kind: kind, namespace: t.namespace}] || b.makers[thing{kind: kind}] ||
		b.named[t.namespace][t.name] || b.named[""][t.name] || b.cluster.told(t)
}

// store is that of an ExternalSecret, in words and, if the tree has it, as an object: none where its values have sources of their own.
func (c *Cluster) store(o *Object) (name string, store *Object) {
	if o == nil || o.GetKind() != esv1.ExtSecretKind || o.GroupVersionKind().Group != esv1.Group || o.text("spec", "secretStoreRef", "name") == "" {
		return "", nil
	}
	for _, field := range []string{"data", "dataFrom"} {
		list, _, _ := unstructured.NestedSlice(o.Object, "spec", field)
		for _, entry := range list {
			if content, isMap := entry.(map[string]any); isMap && content["sourceRef"] != nil {
				return "", nil
			}
		}
	}
	kind, name := cmp.Or(o.text("spec", "secretStoreRef", "kind"), esv1.SecretStoreKind), o.text("spec", "secretStoreRef", "name")
	namespace := o.GetNamespace()
	if kind == esv1.ClusterSecretStoreKind {
		namespace = ""
	}
	return "store " + name, c.Find(esv1.Group, kind, namespace, name)
}
