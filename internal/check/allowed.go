package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tazlab/seed/internal/wait/access"
)

// account is the ServiceAccount of a Pod.
func (p *pod) account() string {
	return or(p.Spec.ServiceAccountName, or(p.Spec.DeprecatedServiceAccount, "default"))
}

// findRefused finds waitfors whose Roles do not allow what they wait for.
func findRefused(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, p := range c.pods() {
			waitfors := p.waitfors()
			if len(waitfors) == 0 || !Substituted(p.account()) {
				continue
			}
			roles, known := c.granted(p.GetNamespace(), p.account())
			if !known || len(roles) == 0 && (c.Incomplete != "" || c.Charts(p.GetNamespace())) {
				continue // whoever brings the account may bring its rights
			}
			for _, w := range waitfors {
				needs, _, known := c.rights(w, p.GetNamespace())
				if !known {
					continue
				}
				for _, n := range needs {
					if lacks := lacking(roles, n); len(lacks) > 0 {
						all = append(all, p.refused(w, n, lacks))
					}
				}
			}
		}
	}
	return all
}

// lacking are the verbs that the Roles do not allow.
func lacking(roles []granted, n access.Need) []string {
	name := ""
	if len(n.Names) > 0 {
		name = n.Names[0] // a target has one
	}
	return slices.DeleteFunc(slices.Clone(n.Verbs), func(verb string) bool { return allow(roles, n, verb, name) })
}

func (p *pod) refused(w *waitfor, n access.Need, lacks []string) Finding {
	f := p.finding(w.at...)
	rule := fmt.Sprintf("{apiGroups: [%q], resources: [%s], verbs: [%s]}", n.Group, n.Resource, strings.Join(n.Verbs, ", "))
	if len(n.Names) > 0 {
		rule = fmt.Sprintf("{apiGroups: [%q], resources: [%s], resourceNames: [%s], verbs: [%s]}", n.Group, n.Resource, n.Names[0], strings.Join(n.Verbs, ", "))
	}
	where := "in namespace " + n.Namespace
	if n.ClusterScoped {
		where = "in a ClusterRole"
	}
	f.Why = fmt.Sprintf("The Roles of ServiceAccount %s in the tree do not allow %s on what it waits for, %s, so waitfor ends with exit code 4 and its Pods do not start.", p.account(), strings.Join(lacks, " and "), n.Why)
	if slices.Equal(lacks, []string{"watch"}) {
		f.Severity = Warning
		f.Why = fmt.Sprintf("The Roles of ServiceAccount %s in the tree do not allow watch on what it waits for, %s, so waitfor asks again and again and learns of it late.", p.account(), n.Why)
	}
	f.How = fmt.Sprintf("Grant %s, as waitfor rbac prints: %s.", where, rule)
	return f
}

// findExcess finds Roles of accounts that only waitfor uses, and that allow more than it needs.
func findExcess(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		accounts := map[[2]string][]*pod{}
		var order [][2]string
		for _, p := range c.pods() {
			key := [2]string{p.GetNamespace(), p.account()}
			if accounts[key] == nil {
				order = append(order, key)
			}
			accounts[key] = append(accounts[key], p)
		}
		for _, key := range order {
			if needs, known := c.together(accounts[key]); known && Substituted(key[1]) {
				all = append(all, c.excess(key[0], key[1], needs)...)
			}
		}
	}
	return all
}

// together is what the waitfors of Pods with one account may need. It is not known where anything else has the account's token.
func (c *Cluster) together(pods []*pod) (all []access.Need, known bool) {
	for _, p := range pods {
		waitfors := p.waitfors()
		if len(waitfors) == 0 || !c.tokenOnlyFor(p) {
			return nil, false
		}
		for _, w := range waitfors {
			needs, more, known := c.rights(w, p.GetNamespace())
			if !known {
				return nil, false
			}
			all = append(append(all, needs...), more...)
		}
	}
	return all, len(all) > 0
}

// tokenOnlyFor tells whether no container but waitfor gets the token of a Pod's account.
func (c *Cluster) tokenOnlyFor(p *pod) bool {
	if mounts := p.Spec.AutomountServiceAccountToken; mounts == nil || *mounts {
		return false
	}
	tokens := map[string]bool{}
	for _, v := range p.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			tokens[v.Name] = tokens[v.Name] || source.ServiceAccountToken != nil
		}
	}
	for _, container := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, mount := range container.VolumeMounts {
			if tokens[mount.Name] && !isWaitfor(container) {
				return false
			}
		}
	}
	return true
}

// excess finds the rules that go beyond the needs of an account.
func (c *Cluster) excess(namespace, account string, needs []access.Need) []Finding {
	roles, known := c.granted(namespace, account)
	lacks := func(n access.Need) bool { return n.Why != "" && len(lacking(roles, n)) > 0 }
	if !known || slices.ContainsFunc(needs, lacks) { // what is too much is what is spelt otherwise
		return nil
	}
	var all []Finding
	for _, g := range roles {
		if !g.own {
			continue
		}
		for i, rule := range g.rules {
			var beyond []string
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						for _, name := range append(slices.Clone(rule.ResourceNames), make([]string, max(0, 1-len(rule.ResourceNames)))...) {
							if !needed(needs, g.namespace, group, resource, verb, name) {
								beyond = append(beyond, strings.TrimSpace(verb+" "+strings.TrimSuffix(resource+"."+group, ".")+" "+name))
							}
						}
					}
				}
			}
			if len(beyond) == 0 && len(rule.NonResourceURLs) == 0 {
				continue
			}
			f := g.finding("rules", fmt.Sprint(i))
			f.Why = fmt.Sprintf("It allows ServiceAccount %s/%s, whose token only waitfor has, more than that waits for: %s.", namespace, account, strings.Join(append(beyond, rule.NonResourceURLs...), ", "))
			f.How = "Grant what \"waitfor rbac\" prints for the targets, and nothing else."
			all = append(all, f)
		}
	}
	return all
}

// needed tells whether some need takes a right.
func needed(needs []access.Need, namespace, group, resource, verb, name string) bool {
	return slices.ContainsFunc(needs, func(n access.Need) bool {
		return n.Namespace == namespace && n.Group == group && n.Resource == resource && slices.Contains(n.Verbs, verb) && (len(n.Names) == 0 || slices.Contains(n.Names, name))
	})
}
