package check

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tazlab/seed/internal/wait/access"
	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/target"
)

// granted is a Role or ClusterRole that is bound to an account.
type granted struct {
	*Object
	// namespace is where its rules hold, "" for everywhere.
	namespace string
	rules     []rbacv1.PolicyRule
	// own says that the binding names the account itself, not a group that it is in.
	own bool
}

// granted are the Roles of an account. They are not known if one of them is not in the tree, or is put together by labels.
func (c *Cluster) granted(namespace, account string) (all []granted, known bool) {
	for _, o := range c.Objects() {
		if o.GroupVersionKind().Group != rbacGroup || !strings.HasSuffix(o.GetKind(), "RoleBinding") {
			continue
		}
		var binding rbacv1.RoleBinding // a ClusterRoleBinding has no more
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &binding) != nil || hasVariable(o.Object) {
			return nil, false
		}
		own, group := binds(binding, namespace, account)
		if !own && !group {
			continue
		}
		role, rules := c.role(binding)
		if role == nil {
			return nil, false
		}
		all = append(all, granted{role, o.GetNamespace(), rules, own})
	}
	return all, true
}

// binds tells whether a binding is for an account itself, or for a group that each account of its namespace is in.
func binds(binding rbacv1.RoleBinding, namespace, account string) (own, group bool) {
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}
	for _, s := range binding.Subjects {
		own = own || s.Kind == "ServiceAccount" && s.Name == account && s.Namespace == namespace
		group = group || s.Kind == "Group" && slices.Contains(groups, s.Name)
	}
	return own, group
}

// role finds the Role or ClusterRole of a binding, with its rules: nil if they are not known.
func (c *Cluster) role(binding rbacv1.RoleBinding) (*Object, []rbacv1.PolicyRule) {
	namespace := ""
	if binding.RoleRef.Kind == "Role" {
		namespace = binding.Namespace
	}
	role := c.Find(rbacGroup, binding.RoleRef.Kind, namespace, binding.RoleRef.Name)
	var content rbacv1.ClusterRole // a Role has nothing more
	if role == nil || hasVariable(role.Object) || runtime.DefaultUnstructuredConverter.FromUnstructured(role.Object, &content) != nil || content.AggregationRule != nil {
		return nil, nil
	}
	return role, content.Rules
}

// allow tells whether the Roles allow a verb on a name, "" for all.
func allow(roles []granted, n access.Need, verb, name string) bool {
	return slices.ContainsFunc(roles, func(g granted) bool {
		return (g.namespace == "" || g.namespace == n.Namespace) && slices.ContainsFunc(g.rules, func(r rbacv1.PolicyRule) bool {
			has := func(list []string, value string) bool {
				return slices.Contains(list, value) || slices.Contains(list, "*")
			}
			return has(r.APIGroups, n.Group) && has(r.Resources, n.Resource) && has(r.Verbs, verb) &&
				(len(r.ResourceNames) == 0 || name != "" && slices.Contains(r.ResourceNames, name))
		})
	})
}

// rights are the least ones that a container needs, and what it may have beside them. They are not known if a kind is not.
func (c *Cluster) rights(w *waitfor, namespace string) (needs, more []access.Need, known bool) {
	if w.unknown || len(w.broken) > 0 || !Substituted(w.namespace) {
		return nil, nil, false
	}
	more = append(more, access.Need{Namespace: namespace, Resource: "events", Verbs: []string{"create", "patch"}})
	for _, t := range w.targets {
		o := t.Object
		if o == nil {
			if o = passwordOf(t.Endpoint); o == nil {
				continue
			}
		}
		resource, known := kinds.Builtin(o.Kind, o.Version, o.Group)
		if !known {
			if resource, known = c.resource(o); !known {
				return nil, nil, false
			}
		}
		need := access.Of(o, resource, w.namespace)
		need.Why = t.Text
		needs = append(needs, need)
		for _, hint := range access.OfBringers(o, need.Namespace) {
			hint.Why = "" // it is not waited for
			more = append(more, hint)
		}
	}
	return needs, more, true
}

func passwordOf(e *target.Endpoint) *target.Object {
	if e.PasswordSecret == nil {
		return nil
	}
	return &target.Object{Namespace: e.PasswordSecret.Namespace, Kind: "secret", Name: e.PasswordSecret.Name}
}

// resource finds a kind among the definitions of the tree; else a target in the plural is taken at its word, as "waitfor rbac" does.
func (c *Cluster) resource(o *target.Object) (kinds.Resource, bool) {
	kind := strings.ToLower(o.Kind)
	r := kinds.Resource{Namespaced: true}
	r.Group, r.Resource = o.Group, kind
	for _, definition := range c.Objects() {
		if definition.GetKind() != "CustomResourceDefinition" {
			continue
		}
		text := func(fields ...string) string {
			s, _, _ := unstructured.NestedString(definition.Object, append([]string{"spec"}, fields...)...)
			return s
		}
		short, _, _ := unstructured.NestedStringSlice(definition.Object, "spec", "names", "shortNames")
		names := append(short, text("names", "plural"), strings.ToLower(text("names", "singular")), strings.ToLower(text("names", "kind")))
		if text("group") == o.Group && slices.Contains(names, kind) {
			r.Resource, r.Namespaced = text("names", "plural"), text("scope") == "Namespaced"
			return r, true
		}
	}
	return r, slices.Contains(plurals, kind+"."+o.Group)
}

// plurals are the namespaced kinds that one waits for without their definitions being in the tree.
var plurals = []string{
	"externalsecrets.external-secrets.io", "secretstores.external-secrets.io", "certificates.cert-manager.io",
	"kustomizations.kustomize.toolkit.fluxcd.io", "helmreleases.helm.toolkit.fluxcd.io",
	"gitrepositories.source.toolkit.fluxcd.io", "ocirepositories.source.toolkit.fluxcd.io",
	"postgresclusters." + crunchy,
}
