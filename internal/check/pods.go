package check

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// pod is what an object makes Pods of.
type pod struct {
	*Object
	Spec corev1.PodSpec
	// at is where Spec is in the object.
	at []string
	// once says that its Pods start with it, not at times of their own.
	once bool
}

// podsAt is where the Pods are in each kind that makes some.
var podsAt = map[string][]string{
	" Pod":                   {"spec"},
	" ReplicationController": {"spec", "template", "spec"},
	"apps Deployment":        {"spec", "template", "spec"},
	"apps StatefulSet":       {"spec", "template", "spec"},
	"apps DaemonSet":         {"spec", "template", "spec"},
	"apps ReplicaSet":        {"spec", "template", "spec"},
	"batch Job":              {"spec", "template", "spec"},
	"batch CronJob":          {"spec", "jobTemplate", "spec", "template", "spec"},
}

// pods are those of a cluster. What is scaled to zero, suspended, left alone by Flux, has no namespace, or a variable where the API
// has a number, makes none that anything can be said of.
func (c *Cluster) pods() []*pod {
	if c.allPods == nil {
		c.allPods = c.readPods()
	}
	return c.allPods
}

func (c *Cluster) readPods() []*pod {
	var all []*pod
	for _, o := range c.Objects() {
		gvk := o.GroupVersionKind()
		path, makes := podsAt[gvk.Group+" "+gvk.Kind]
		if !makes || o.GetNamespace() == "" || !Substituted(o.GetNamespace()) || o.Unit.Spec.Suspend || o.skipped() {
			continue
		}
		replicas, scaled, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "replicas")
		suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend")
		if none := scaled && (replicas == int64(0) || replicas == float64(0)); none || suspended {
			continue
		}
		field, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
		content, isMap := field.(map[string]any)
		p := &pod{Object: o, at: path, once: gvk.Kind != "CronJob"}
		if isMap && runtime.DefaultUnstructuredConverter.FromUnstructured(content, &p.Spec) == nil {
			all = append(all, p)
		}
	}
	return all
}

// need is a Secret or ConfigMap that a Pod does not start without.
type need struct {
	kind, name string
	// keys are those that must be in it.
	keys []string
	// at is where it stands in the object.
	at []string
	// volume says that it is mounted: then not even init containers start. pull says that it is for pulling images.
	volume, pull bool
}

// needs are all of a Pod.
func (p *pod) needs() []need {
	var all needs
	for _, ref := range p.Spec.ImagePullSecrets {
		all.add("Secret", ref.Name, nil, need{pull: true, at: []string{"imagePullSecrets", "name=" + ref.Name}})
	}
	for _, c := range p.Spec.InitContainers {
		all.container(c, "initContainers")
	}
	for _, c := range p.Spec.Containers {
		all.container(c, "containers")
	}
	for _, v := range p.Spec.Volumes {
		all.ofVolume(v)
	}
	for i := range all {
		all[i].at = slices.Concat(p.at, all[i].at)
	}
	return all
}

type needs []need

// add adds what is neither optional nor without a name that is known.
func (all *needs) add(kind, name string, optional *bool, n need) {
	if name != "" && Substituted(name) && (optional == nil || !*optional) {
		n.kind, n.name = kind, name
		*all = append(*all, n)
	}
}

func (all *needs) container(c corev1.Container, field string) {
	for _, from := range c.EnvFrom {
		at := func(ref string) need { return need{at: []string{field, "name=" + c.Name, "envFrom", ref}} }
		if ref := from.SecretRef; ref != nil {
			all.add("Secret", ref.Name, ref.Optional, at("secretRef.name="+ref.Name))
		}
		if ref := from.ConfigMapRef; ref != nil {
			all.add("ConfigMap", ref.Name, ref.Optional, at("configMapRef.name="+ref.Name))
		}
	}
	for _, env := range c.Env {
		if env.ValueFrom == nil {
			continue
		}
		at := []string{field, "name=" + c.Name, "env", "name=" + env.Name}
		if ref := env.ValueFrom.SecretKeyRef; ref != nil {
			all.add("Secret", ref.Name, ref.Optional, need{keys: []string{ref.Key}, at: at})
		}
		if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil {
			all.add("ConfigMap", ref.Name, ref.Optional, need{keys: []string{ref.Key}, at: at})
		}
	}
}

func (all *needs) ofVolume(v corev1.Volume) {
	n := func(items []corev1.KeyToPath) need {
		return need{volume: true, keys: keysOf(items), at: []string{"volumes", "name=" + v.Name}}
	}
	if v.Secret != nil {
		all.add("Secret", v.Secret.SecretName, v.Secret.Optional, n(v.Secret.Items))
	}
	if v.ConfigMap != nil {
		all.add("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Optional, n(v.ConfigMap.Items))
	}
	if v.Projected == nil {
		return
	}
	for _, source := range v.Projected.Sources {
		if ref := source.Secret; ref != nil {
			all.add("Secret", ref.Name, ref.Optional, n(ref.Items))
		}
		if ref := source.ConfigMap; ref != nil {
			all.add("ConfigMap", ref.Name, ref.Optional, n(ref.Items))
		}
	}
}

func keysOf(items []corev1.KeyToPath) []string {
	var keys []string
	for _, item := range items {
		keys = append(keys, item.Key)
	}
	return keys
}

// finding begins a finding at a field, or at what is around it where the file does not have it.
func (p *pod) finding(at ...string) Finding {
	f := p.Object.finding(at...)
	for ; f.Line == p.Line && len(at) > 0; at = at[:len(at)-1] {
		f.Line = p.LineOf(at...)
	}
	return f
}
