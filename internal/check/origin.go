package check

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/target"
)

// object finds out where the object of a target comes from; namespace is that of targets without one.
func (b *brought) object(w wait, o *target.Object, namespace string) wait {
	namespace = cmp.Or(o.Namespace, namespace)
	builtin, known := kinds.Builtin(o.Kind, o.Version, o.Group)
	if known && !builtin.Namespaced {
		namespace = ""
	}
	if o.Name != "" && known {
		w.what = called(builtin.Kind, namespace, o.Name, w.GetNamespace())
	}
	key := thing{builtin.Kind, namespace, o.Name}
	switch {
	case o.Check.Word == target.Deleted:
		w.what += " to be gone"
		return w
	case o.Name != "" && (builtin.Kind == "Secret" || builtin.Kind == "ConfigMap"):
		return b.thing(w, key)
	}
	found := b.cluster.selected(o, namespace)
	if len(found) == 0 {
		return b.made(w, builtin.Kind, namespace, o.Name)
	}
	return b.found(w, o, found)
}

// found says where the objects of a target come from: nothing if they come from several units.
func (b *brought) found(w wait, o *target.Object, found []*Object) wait {
	first := found[0]
	if slices.ContainsFunc(found, func(other *Object) bool { return other.Unit != first.Unit }) {
		return w
	}
	w.from, w.by, w.late = first, first.Unit, o.Check.Word != target.Exists
	if o.Name == "" {
		return w
	}
	w.what = called(first.GetKind(), first.GetNamespace(), o.Name, w.GetNamespace())
	w.sure = b.only(first, thing{first.GetKind(), first.GetNamespace(), o.Name})
	if unit := b.cluster.Unit(first.GetNamespace(), o.Name); unit != nil && unit.From == first && isReady(o.Check) {
		w.what, w.by, w.ready = "unit "+o.Name, unit, true
	}
	return w
}

// isReady tells whether a check is met only when the object is Ready.
func isReady(check target.Check) bool {
	return check.Word == target.Ready || check.Word == target.Condition && check.Type == "Ready" && strings.EqualFold(check.Status, "True")
}

// selected are the objects of the tree that a target names or selects. A workload stands for its Pods.
func (c *Cluster) selected(o *target.Object, namespace string) []*Object {
	pods, _ := kinds.Builtin("pod", "", "")
	builtin, known := kinds.Builtin(o.Kind, o.Version, o.Group)
	ofPods := known && builtin == pods
	return slices.DeleteFunc(c.Objects(), func(other *Object) bool {
		if other.GetNamespace() != namespace && other.GetNamespace() != "" {
			return true
		}
		if o.Selector == nil {
			return other.GetName() != o.Name || !other.isOf(o)
		}
		gvk := other.GroupVersionKind()
		if path, makes := podsAt[gvk.Group+" "+gvk.Kind]; makes && ofPods {
			with, _, _ := unstructured.NestedStringMap(other.Object, append(slices.Clone(path[:len(path)-1]), "metadata", "labels")...)
			return !o.Selector.Matches(labels.Set(with))
		}
		return !other.isOf(o) || !o.Selector.Matches(labels.Set(other.GetLabels()))
	})
}

// isOf tells whether an object is of the kind of a target. Of kinds that are not Kubernetes' own the plural is guessed.
func (o *Object) isOf(t *target.Object) bool {
	gvk := o.GroupVersionKind()
	if builtin, known := kinds.Builtin(t.Kind, t.Version, t.Group); known {
		return gvk.Group == builtin.Group && gvk.Kind == builtin.Kind
	}
	plural, singular := meta.UnsafeGuessKindToResource(gvk)
	return gvk.Group == t.Group && slices.Contains([]string{plural.Resource, singular.Resource}, strings.ToLower(t.Kind))
}

// services are the ends of the names that Crunchy's operator gives the Services of a PostgresCluster
// (https://access.crunchydata.com/documentation/postgres-operator/5.2.2/tutorial/connect-cluster/).
var services = []string{"-primary", "-replicas", "-ha", "-ha-config", "-pods"}

// made finds out which object makes an operator, or Helm, bring another one that is in no file.
func (b *brought) made(w wait, kind, namespace, name string) wait {
	switch kind {
	case "Service":
		for _, end := range services {
			if cluster, cut := strings.CutSuffix(name, end); cut && w.from == nil {
				w.from = b.cluster.Find(crunchy, "PostgresCluster", namespace, cluster)
			}
		}
	case "CustomResourceDefinition":
		_, group, _ := strings.Cut(name, ".")
		charts := slices.DeleteFunc(slices.Clone(b.cluster.Releases), func(r *Release) bool { return !slices.Contains(definesGroups[r.Chart], group) })
		if len(charts) == 1 {
			w.from = charts[0].Object
		}
	}
	if w.from != nil {
		w.by, w.late = w.from.Unit, true
		w.sure = kind == "Service" && b.only(w.from, thing{kind, namespace, name})
	}
	return w
}

// endpoint finds out whose Service answers at an address of the cluster: NAME, NAME.NAMESPACE or NAME.NAMESPACE.svc.DOMAIN
// (https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/).
func (b *brought) endpoint(w wait, e *target.Endpoint) wait {
	part := strings.Split(strings.TrimSuffix(e.URL.Hostname(), "."), ".")
	namespace := w.GetNamespace()
	if len(part) > 1 {
		namespace = part[1]
	}
	if len(part) > 2 && part[2] != "svc" {
		return w
	}
	service := w
	if o := b.cluster.Find("", "Service", namespace, part[0]); o != nil {
		service.from, service.by, service.late = o, o.Unit, true
		service.sure = b.only(o, thing{"Service", namespace, part[0]})
	} else {
		service = b.made(w, "Service", namespace, part[0])
	}
	service.sure = service.sure && len(part) > 2 // a shorter one may be another's, by the Pod's search domains
	return service
}
