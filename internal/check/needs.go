package check

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// findNeeds finds Secrets and ConfigMaps that Pods do not start without, and that nothing brings.
func findNeeds(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		b := c.brought()
		for _, p := range c.pods() {
			said := map[thing]bool{}
			for _, n := range p.needs() {
				wanted := thing{n.kind, p.GetNamespace(), n.name}
				if said[wanted] || len(b.by[wanted]) > 0 || b.mayHave(wanted) {
					continue
				}
				said[wanted] = true
				f := p.finding(n.at...)
				f.Why = fmt.Sprintf("Nothing in the tree brings the %s %s that its Pods need, so %s.", n.kind, n.name, n.without())
				f.How = fmt.Sprintf("Correct the name, or bring it in namespace %s; if the Pod can do without it, say optional: true.", p.GetNamespace())
				if n.pull {
					f.Severity = Warning
					f.How = fmt.Sprintf("Correct the name, or bring it in namespace %s.", p.GetNamespace())
				}
				if c.Incomplete != "" {
					f.Severity = Note
					f.Why = fmt.Sprintf("Nothing that was looked into brings the %s %s that its Pods need; %s.", n.kind, n.name, c.Incomplete)
				}
				all = append(all, f)
			}
		}
	}
	return all
}

// without is what comes of it when it is not there.
func (n need) without() string {
	switch {
	case n.pull:
		return "their images are pulled without a credential"
	case n.volume:
		return "they stay in ContainerCreating"
	}
	return "they stay in CreateContainerConfigError"
}

// findKeys finds keys that Pods need of a Secret or ConfigMap that does not have them.
func findKeys(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		b := c.brought()
		for _, p := range c.pods() {
			for _, n := range p.needs() {
				wanted := thing{n.kind, p.GetNamespace(), n.name}
				by := b.by[wanted]
				if len(by) != 1 || len(n.keys) == 0 || b.mayMerge(wanted) {
					continue
				}
				have, known := by[0].keys()
				for _, key := range n.keys {
					if !known || key == "" || !Substituted(key) || slices.Contains(have, key) {
						continue
					}
					f := p.finding(n.at...)
					f.Why = fmt.Sprintf("The %s %s has no key %s (%s:%d), so its Pods do not start.", n.kind, n.name, key, by[0].File, by[0].Line)
					f.How = fmt.Sprintf("It has %s: correct the key, or bring it.", or(strings.Join(have, ", "), "no keys"))
					all = append(all, f)
				}
			}
		}
	}
	return all
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// keys are those of the thing that b brings, if they are known.
func (b bringer) keys() (keys []string, known bool) {
	if b.GetKind() != "Secret" && b.GetKind() != "ConfigMap" || b.shared() {
		return nil, false
	}
	for name := range b.GetAnnotations() { // an operator may fill it
		if !strings.HasPrefix(name, "helm.sh/") && !strings.Contains(name, "kustomize") && !strings.Contains(name, "fluxcd") && !strings.HasPrefix(name, "kubectl.kubernetes.io/") {
			return nil, false
		}
	}
	for name := range b.GetLabels() { // so does OpenShift, by a label
		if strings.Contains(name, "inject") {
			return nil, false
		}
	}
	for _, field := range []string{"data", "stringData", "binaryData"} {
		content, _, _ := unstructured.NestedMap(b.Object.Object, field)
		for key := range content {
			if !Substituted(key) {
				return nil, false
			}
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	// One without any is there to be filled; a token's is.
	return keys, len(keys) > 0 && b.text("type") != string(corev1.SecretTypeServiceAccountToken)
}
