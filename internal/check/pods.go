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

// pods are those of a cluster. What is scaled to zero, suspended, has no namespace, or a variable where the API has a number,
// makes none that anything can be said of.
func (c *Cluster) pods() []*pod {
	var all []*pod
	for _, o := range c.Objects() {
		gvk := o.GroupVersionKind()
		path, makes := podsAt[gvk.Group+" "+gvk.Kind]
		if !makes || o.GetNamespace() == "" || !Substituted(o.GetNamespace()) || o.Unit.Spec.Suspend {
			continue
		}
		replicas, scaled, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "replicas")
		suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend")
		if none := scaled && (replicas == int64(0) || replicas == float64(0)); none || suspended {
			continue
		}
		content, _, _ := unstructured.NestedMap(o.Object, path...)
		p := &pod{Object: o, at: path, once: gvk.Kind != "CronJob"}
		if content != nil && runtime.DefaultUnstructuredConverter.FromUnstructured(content, &p.Spec) == nil {
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
	var all []need
	add := func(kind, name string, optional *bool, n need, at ...string) {
		if name != "" && Substituted(name) && (optional == nil || !*optional) {
			n.kind, n.name, n.at = kind, name, slices.Concat(p.at, at)
			all = append(all, n)
		}
	}
	for _, ref := range p.Spec.ImagePullSecrets {
		add("Secret", ref.Name, nil, need{pull: true}, "imagePullSecrets", "name="+ref.Name)
	}
	for field, containers := range map[string][]corev1.Container{"initContainers": p.Spec.InitContainers, "containers": p.Spec.Containers} {
		for _, c := range containers {
			for _, from := range c.EnvFrom {
				if ref := from.SecretRef; ref != nil {
					add("Secret", ref.Name, ref.Optional, need{}, field, "name="+c.Name, "envFrom", "secretRef.name="+ref.Name)
				}
				if ref := from.ConfigMapRef; ref != nil {
					add("ConfigMap", ref.Name, ref.Optional, need{}, field, "name="+c.Name, "envFrom", "configMapRef.name="+ref.Name)
				}
			}
			for _, env := range c.Env {
				if env.ValueFrom == nil {
					continue
				}
				if ref := env.ValueFrom.SecretKeyRef; ref != nil {
					add("Secret", ref.Name, ref.Optional, need{keys: []string{ref.Key}}, field, "name="+c.Name, "env", "name="+env.Name)
				}
				if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil {
					add("ConfigMap", ref.Name, ref.Optional, need{keys: []string{ref.Key}}, field, "name="+c.Name, "env", "name="+env.Name)
				}
			}
		}
	}
	for _, v := range p.Spec.Volumes {
		at := []string{"volumes", "name=" + v.Name}
		if v.Secret != nil {
			add("Secret", v.Secret.SecretName, v.Secret.Optional, need{volume: true, keys: keysOf(v.Secret.Items)}, at...)
		}
		if v.ConfigMap != nil {
			add("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Optional, need{volume: true, keys: keysOf(v.ConfigMap.Items)}, at...)
		}
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if ref := source.Secret; ref != nil {
				add("Secret", ref.Name, ref.Optional, need{volume: true, keys: keysOf(ref.Items)}, at...)
			}
			if ref := source.ConfigMap; ref != nil {
				add("ConfigMap", ref.Name, ref.Optional, need{volume: true, keys: keysOf(ref.Items)}, at...)
			}
		}
	}
	return all
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
