package check

import (
	"slices"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
)

// harmless are groups whose objects bring neither Secret nor ConfigMap, but for those that are looked at one by one. So are all
// groups of Kubernetes itself.
var harmless = []string{"cert-manager.io", "acme.cert-manager.io", esv1.Group, "gateway.networking.k8s.io", "metallb.io", "traefik.io", "snapshot.storage.k8s.io", "cilium.io", "bitnami.com"}

// monitors are kinds of the Prometheus operator of which it makes nothing.
var monitors = []string{"ServiceMonitor", "PodMonitor", "PrometheusRule", "Probe", "ScrapeConfig"}

// bringsNothing tells whether of a kind without a reader it is known that it brings nothing: all others are of operators that are not
// known.
func bringsNothing(group, kind string) bool {
	kubernetes := !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io") && !strings.HasSuffix(group, ".x-k8s.io")
	return kubernetes || strings.HasSuffix(group, ".toolkit.fluxcd.io") || slices.Contains(harmless, group) ||
		group == "monitoring.coreos.com" && slices.Contains(monitors, kind)
}

// foreign tells whether an object is one of an operator that is not known.
func (o *Object) foreign() bool {
	gvk := o.GroupVersionKind()
	_, known := readers[gvk.Group+" "+gvk.Kind]
	return !known && !bringsNothing(gvk.Group, gvk.Kind)
}

// told tells whether a chart's values, or an object of an operator that is not known, name a thing and its namespace: it may be
// brought there from another one.
func (c *Cluster) told(t thing) bool {
	return slices.ContainsFunc(c.Objects(), func(o *Object) bool {
		chart := o.GetKind() == helmv2Kind && o.GroupVersionKind().Group == helmGroup
		return (chart || o.foreign()) && names(o.Object["spec"], t.name) && names(o.Object["spec"], t.namespace)
	})
}

// names tells whether a text is one of those in a part of an object.
func names(value any, text string) bool {
	switch value := value.(type) {
	case string:
		return value == text
	case map[string]any:
		for _, v := range value {
			if names(v, text) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, func(v any) bool { return names(v, text) })
	}
	return false
}
