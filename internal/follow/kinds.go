package follow

import (
	"fmt"
	"slices"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/internal/live"
)

// kind is one that a unit can have.
type kind struct {
	schema.GroupVersionKind
	// short are the names beside the kind's own that kubectl knows too.
	short []string
	// scoped tells that it has no namespace.
	scoped bool
}

// kinds are all of them, Kustomization first.
var kinds = []kind{
	{kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind), []string{"ks"}, false},
	{helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind), []string{"hr"}, false},
	{sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind), []string{"gitrepo"}, false},
	{sourcev1.GroupVersion.WithKind(sourcev1.OCIRepositoryKind), []string{"ocirepo"}, false},
	{sourcev1.GroupVersion.WithKind(sourcev1.HelmRepositoryKind), []string{"helmrepo"}, false},
	{sourcev1.GroupVersion.WithKind(sourcev1.HelmChartKind), []string{"hc"}, false},
	{sourcev1.GroupVersion.WithKind(sourcev1.BucketKind), nil, false},
	{esv1.SchemeGroupVersion.WithKind(esv1.ExtSecretKind), []string{"es"}, false},
	{esv1.SchemeGroupVersion.WithKind(esv1.SecretStoreKind), []string{"ss"}, false},
	{esv1.SchemeGroupVersion.WithKind(esv1.ClusterSecretStoreKind), []string{"css"}, true},
}

var kustomizations = kinds[0]

// id is the Kind of an ID.
func (k kind) id() string {
	if k.Kind == kustomizations.Kind {
		return ""
	}
	return strings.ToLower(k.Kind)
}

// query is all of that kind.
func (k kind) query() live.Query { return live.Query{Kind: k.GroupVersionKind} }

func kindOf(id string) (kind, bool) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.id() == id })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

// Goal is an object that has to be Ready. An empty namespace is that of the root.
type Goal struct{ ID }

// ParseGoal reads KIND/NAME or KIND/NAMESPACE/NAME. KIND is one that a unit can have, in its singular or short as kubectl
// knows it.
func ParseGoal(text string) (Goal, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return Goal{}, fmt.Errorf("%q is no KIND/NAME or KIND/NAMESPACE/NAME", text)
	}
	name := strings.ToLower(parts[0])
	i := slices.IndexFunc(kinds, func(k kind) bool { return name == strings.ToLower(k.Kind) || slices.Contains(k.short, name) })
	if i < 0 {
		var known []string
		for _, k := range kinds {
			known = append(known, strings.Join(append([]string{strings.ToLower(k.Kind)}, k.short...), " or "))
		}
		return Goal{}, fmt.Errorf("%q: seed cannot wait for the kind %q; it knows %s", text, parts[0], strings.Join(known, ", "))
	}
	goal := Goal{ID{Kind: kinds[i].id(), Name: parts[len(parts)-1]}}
	if len(parts) == 3 {
		goal.Namespace = parts[1]
	}
	if kinds[i].scoped && goal.Namespace != "" {
		return Goal{}, fmt.Errorf("%q: a %s has no namespace: write %s/%s", text, kinds[i].Kind, parts[0], goal.Name)
	}
	return goal, nil
}

// In is the goal with namespace where it names none.
func (g Goal) In(namespace string) ID {
	k, known := kindOf(g.Kind)
	if g.Namespace == "" && known && !k.scoped {
		g.Namespace = namespace
	}
	return g.ID
}

// String is how it is spelt.
func (g Goal) String() string {
	if g.Kind == "" {
		return strings.ToLower(kustomizations.Kind) + "/" + g.ID.String()
	}
	return g.ID.String()
}

// Goals are the flag --until, which can be repeated.
type Goals []Goal

// Set implements pflag.Value.
func (g *Goals) Set(text string) error {
	goal, err := ParseGoal(text)
	if err != nil {
		return err
	}
	*g = append(*g, goal)
	return nil
}

// String implements pflag.Value.
func (g *Goals) String() string {
	var texts []string
	for _, goal := range *g {
		texts = append(texts, goal.String())
	}
	return strings.Join(texts, ",")
}

// Type implements pflag.Value.
func (g *Goals) Type() string { return "KIND/[NAMESPACE/]NAME" }
