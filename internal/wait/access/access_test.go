package access_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/wait/access"
)

var (
	account = access.Account{Namespace: "apps", Name: "waitfor"}
	watched = []string{"watch", "get"}
	// needs are one of each shape, and some to be merged.
	needs = []access.Need{
		{Namespace: "apps", Resource: "secrets", Names: []string{"b"}, Verbs: watched, Why: "secret/b"},
		{Namespace: "flux-system", Group: "kustomize.toolkit.fluxcd.io", Resource: "kustomizations", Names: []string{"true"}, Verbs: watched, Why: "flux-system/ks"},
		{ClusterScoped: true, Resource: "nodes", Names: []string{"n1"}, Verbs: watched, Why: "node/n1"},
		{Namespace: "apps", Resource: "pods", Verbs: []string{"list", "watch"}, Why: "pod?app=db"},
		{Namespace: "apps", Resource: "pods", Names: []string{"p"}, Verbs: []string{"list", "watch"}, Why: "pod/p"},
		{Namespace: "apps", Resource: "secrets", Names: []string{"a", "b"}, Verbs: []string{"get", "watch", "get"}, Why: "secret/a"},
		{Namespace: "apps", Resource: "configmaps", Names: []string{"a"}, Verbs: watched},
		{Namespace: "apps", Resource: "secrets", Names: []string{"c"}, Verbs: []string{"get"}, Why: "secret/c"},
	}
)

const merged = `apiVersion: v1
automountServiceAccountToken: false
kind: ServiceAccount
metadata:
  labels:
    app.kubernetes.io/name: waitfor
  name: waitfor
  namespace: apps
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  labels:
    app.kubernetes.io/name: waitfor
  name: waitfor
  namespace: apps
rules:
# pod?app=db
# RBAC cannot restrict this to a label: it holds for all pods of the namespace apps.
- apiGroups:
  - ""
  resources:
  - pods
  verbs:
  - list
  - watch
# secret/a
# secret/b
- apiGroups:
  - ""
  resourceNames:
  - a
  - b
  resources:
  - secrets
  verbs:
  - get
  - watch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  labels:
    app.kubernetes.io/name: waitfor
  name: waitfor
  namespace: apps
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: waitfor
subjects:
- kind: ServiceAccount
  name: waitfor
  namespace: apps
`

func TestManifestsToTheLetter(t *testing.T) {
	t.Parallel()
	got, err := access.Manifests(account, []access.Need{needs[0], needs[3], needs[5]})
	if err != nil || string(got) != merged {
		t.Errorf("%v\n%s", err, got)
	}
}

// rules are the rules of all Roles by kind, namespace and name, and checks that every binding has its Role and the account.
func rules(t *testing.T, text []byte) map[string][]rbacv1.PolicyRule {
	t.Helper()
	rules, bound := map[string][]rbacv1.PolicyRule{}, map[string]bool{}
	for document := range bytes.SplitSeq(text, []byte("---\n")) {
		var meta struct{ Kind string }
		if err := yaml.Unmarshal(document, &meta); err != nil {
			t.Fatal(err)
		}
		var err error
		switch meta.Kind {
		case "ServiceAccount":
			var a corev1.ServiceAccount
			err = yaml.UnmarshalStrict(document, &a)
			if a.AutomountServiceAccountToken == nil || *a.AutomountServiceAccountToken {
				t.Errorf("every container gets a token:\n%s", document)
			}
		case "Role", "ClusterRole": // they differ in nothing that is used here
			var r rbacv1.Role
			err = yaml.UnmarshalStrict(document, &r)
			rules[meta.Kind+" "+r.Namespace+"/"+r.Name] = r.Rules
		case "RoleBinding", "ClusterRoleBinding":
			var b rbacv1.RoleBinding
			err = yaml.UnmarshalStrict(document, &b)
			bound[b.RoleRef.Kind+" "+b.Namespace+"/"+b.RoleRef.Name] = true
			if want := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "apps", Name: "waitfor"}}; !slices.Equal(b.Subjects, want) {
				t.Errorf("the rights are for %v", b.Subjects)
			}
		default:
			err = fmt.Errorf("an object of kind %q", meta.Kind)
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, document)
		}
	}
	for role := range rules {
		if !bound[role] {
			t.Errorf("%s is not bound", role)
		}
	}
	return rules
}

func TestManifestsMergeNothingThatDiffers(t *testing.T) {
	t.Parallel()
	text, err := access.Manifests(account, needs)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for role, list := range rules(t, text) {
		for _, r := range list {
			got = append(got, fmt.Sprint(role, r.APIGroups, r.Resources, r.ResourceNames, r.Verbs))
		}
	}
	slices.Sort(got)
	want := []string{
		"ClusterRole /waitfor-apps[] [nodes] [n1] [get watch]",
		"Role apps/waitfor[] [configmaps] [a] [get watch]",
		"Role apps/waitfor[] [pods] [] [list watch]",
		"Role apps/waitfor[] [pods] [p] [list watch]",
		"Role apps/waitfor[] [secrets] [a b] [get watch]",
		"Role apps/waitfor[] [secrets] [c] [get]",
		"Role flux-system/waitfor-apps[kustomize.toolkit.fluxcd.io] [kustomizations] [true] [get watch]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the rules are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestManifestsDoNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	want, err := access.Manifests(account, needs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range needs {
		turned := slices.Concat(needs[i:], needs[:i])
		if i%2 == 1 {
			slices.Reverse(turned)
		}
		turned = append(turned, turned[0]) // twice is once
		if got, err := access.Manifests(account, turned); err != nil || !bytes.Equal(got, want) {
			t.Errorf("in another order: %v\n%s\nwant\n%s", err, got, want)
		}
	}
}

func TestNoNeedIsNoRole(t *testing.T) {
	t.Parallel()
	text, err := access.Manifests(account, nil)
	if got := rules(t, text); err != nil || len(got) != 0 {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestRoleHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	for role, need := range map[string]access.Need{
		"Role apps/waitfor-secrets-b":   needs[0],
		"Role apps/waitfor-secrets-a-b": needs[5],
		"Role flux-system/waitfor-apps-kustomizations.kustomize.toolkit.fluxcd.io-true": needs[1],
		"ClusterRole /waitfor-apps-nodes-n1":                                            needs[2],
		"Role apps/waitfor-pods":                                                        needs[3],
	} {
		text, err := access.Role(account, need)
		if got := rules(t, text); err != nil || len(got) != 1 || len(got[role]) != 1 {
			t.Errorf("want %s: %v\n%s", role, err, text)
		}
	}
}

// The Role of the app, which has the account's name, and the one of an account of the same name elsewhere stay as they are.
func TestRolesOfOthersAreNotOverwritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		account access.Account
		want    string
	}{
		{access.Account{Namespace: "apps", Name: "waitfor"}, "name: waitfor\n"},
		{access.Account{Namespace: "apps", Name: "shop"}, "name: shop-waitfor\n"},
		{access.Account{Namespace: "shop", Name: "waitfor"}, "name: waitfor-shop\n"},
		{access.Account{Namespace: "shop", Name: "shop"}, "name: shop-waitfor-shop\n"},
	} {
		text, err := access.Manifests(c.account, needs[:1])
		// Role, binding and its roleRef.
		if err != nil || strings.Count(string(text), c.want) < 3 {
			t.Errorf("%v: want %q: %v\n%s", c.account, c.want, err, text)
		}
	}
}

func TestCommentsStayComments(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r", "\r\n", "\u0085", "\u2028", "\u2029", "\x00", "\ufeff", "\xff"} {
		need := needs[0]
		need.Why = "secret/b" + end + "- {apiGroups: [''], resources: [secrets], verbs: [get]}"
		text, err := access.Manifests(account, []access.Need{need})
		if err != nil {
			t.Fatal(err)
		}
		if got := rules(t, text)["Role apps/waitfor"]; len(got) != 1 || strings.Contains(string(text), end+"- {") {
			t.Errorf("%q: %v\n%s", end, got, text)
		}
	}
}

func TestCommentsSayWhatIsGrantedBeyond(t *testing.T) {
	t.Parallel()
	for want, need := range map[string]access.Need{
		"# RBAC cannot restrict this to a label: it holds for all pods of the namespace apps.\n- apiGroups":          needs[3],
		"# RBAC cannot restrict this to a label: it holds for all nodes of the cluster.\n":                           {ClusterScoped: true, Resource: "nodes", Verbs: []string{"list", "watch"}},
		"# RBAC cannot restrict this to a label: it holds for all secrets of the namespace apps, values included.\n": {Namespace: "apps", Resource: "secrets", Verbs: []string{"list"}},
		"# RBAC cannot restrict this to a name: it holds for all events of the namespace apps.\n":                    {Namespace: "apps", Resource: "events", Verbs: []string{"create"}},
	} {
		if text, err := access.Role(account, need); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("want %q: %v\n%s", want, err, text)
		}
	}
	if text, err := access.Role(account, needs[0]); err != nil || strings.Contains(string(text), "RBAC cannot") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestWhatIsNotExactIsRefused(t *testing.T) {
	t.Parallel()
	good := needs[0]
	for why, spoil := range map[string]func(*access.Need){
		"a name that a list has":     func(n *access.Need) { n.Names = []string{"b", ""} },
		"all verbs":                  func(n *access.Need) { n.Verbs = []string{"*"} },
		"no verb":                    func(n *access.Need) { n.Verbs = nil },
		"all resources":              func(n *access.Need) { n.Resource = "*" },
		"no resource":                func(n *access.Need) { n.Resource = "" },
		"a subresource":              func(n *access.Need) { n.Resource = "serviceaccounts/token" },
		"all groups":                 func(n *access.Need) { n.Group = "*" },
		"all namespaces":             func(n *access.Need) { n.Namespace = "" },
		"a namespace of the cluster": func(n *access.Need) { n.ClusterScoped = true },
		"no namespace's name":        func(n *access.Need) { n.Namespace = "Apps" },
	} {
		need := good
		spoil(&need)
		if text, err := access.Manifests(account, []access.Need{good, need}); err == nil || text != nil || !strings.Contains(err.Error(), "secret/b") {
			t.Errorf("%s: %v\n%s", why, err, text)
		}
		if text, err := access.Role(account, need); err == nil || text != nil {
			t.Errorf("%s: %v\n%s", why, err, text)
		}
	}
	for _, bad := range []access.Account{{}, {Namespace: "apps"}, {Name: "waitfor"}, {Namespace: "apps", Name: "A_b"}, {Namespace: "a.b", Name: "waitfor"}} {
		if text, err := access.Manifests(bad, needs); err == nil || text != nil {
			t.Errorf("%v: %v\n%s", bad, err, text)
		}
	}
}

func TestTheAccountOfEverybodyIsLeftAlone(t *testing.T) {
	t.Parallel()
	if text, err := access.Manifests(access.Account{Namespace: "apps", Name: "default"}, needs); err == nil || text != nil {
		t.Errorf("%v\n%s", err, text)
	}
}
