package nudge

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

// noMatch is what every REST mapper says of a kind that is not served: the message of kustomize-controller's dry-run and of
// Helm has it, once for each kind.
// https://github.com/kubernetes/apimachinery/blob/v0.36.4/pkg/api/meta/errors.go
var noMatch = regexp.MustCompile(`no matches for kind "([^"]+)" in version "([^"/]+)/([^"/]+)"`)

// waitsForDefinition: kustomize-controller tries again after its retry interval; helm-controller, which has not stored a release
// yet, after a back-off of up to 15 minutes, or the interval of a RetryOnFailure strategy.
func waitsForDefinition(u *unit) bool { return u.unapplied() && noMatch.MatchString(u.failed.Message) }

// unapplied tells that u's objects were refused.
func (u *unit) unapplied() bool {
	if u.kind == releaseKind {
		return u.failed.Reason == helmv2.InstallFailedReason || u.failed.Reason == helmv2.UpgradeFailedReason
	}
	return u.kind == kustomizationKind && u.failed.Reason == meta.ReconciliationFailedReason
}

// definition is what matters of a CustomResourceDefinition.
type definition struct {
	kind        string
	served      []string
	established bool
}

// definitionsEstablished are the CRDs of all kinds that were missing. A CRD is one cause for each of its generations: with
// another one it may serve another version. When it came is when it was written last: it is established by a write.
func definitionsEstablished(ctx context.Context, s *state, u *unit) cause {
	all, known := s.want(live.Definitions)
	var c cause
	var texts []string
	for _, match := range noMatch.FindAllStringSubmatch(u.failed.Message, -1) {
		missing := schema.GroupVersionKind{Kind: match[1], Group: match[2], Version: match[3]}
		crd := s.definition(ctx, all, missing)
		if !known || crd == nil {
			return cause{}
		}
		id := fmt.Sprintln(crd.GetUID(), crd.GetGeneration())
		if strings.Contains(c.id, id) {
			continue
		}
		c.id, texts = c.id+id, append(texts, crd.GetName()+" is established")
		if at := written(crd); at.After(c.at) {
			c.at = at
		}
	}
	c.text = strings.Join(texts, ", ")
	return c
}

// definition is the CRD that serves kind by now; nil if there is none. The metadata that is watched has the plural only, so
// the CRD of the plural that the kind mostly has is read first.
func (s *state) definition(ctx context.Context, all []client.Object, kind schema.GroupVersionKind) client.Object {
	guess, _ := apimeta.UnsafeGuessKindToResource(kind)
	candidates := slices.DeleteFunc(slices.Clone(all), func(o client.Object) bool { return !strings.HasSuffix(o.GetName(), "."+kind.Group) })
	slices.SortStableFunc(candidates, func(a, b client.Object) int {
		return rank(a, guess.GroupResource().String()) - rank(b, guess.GroupResource().String())
	})
	for _, crd := range candidates {
		d, err := look(ctx, s, s.definitions, live.Definitions.Kind, crd, readDefinition)
		if err != nil {
			s.log.Warn("a definition cannot be looked at", "name", crd.GetName(), "err", err)
			continue
		}
		if d.kind == kind.Kind {
			if d.established && slices.Contains(d.served, kind.Version) {
				return crd
			}
			return nil
		}
	}
	return nil
}

func rank(object client.Object, first string) int {
	if object.GetName() == first {
		return 0
	}
	return 1
}

func readDefinition(crd *unstructured.Unstructured) definition {
	var d definition
	d.kind, _, _ = unstructured.NestedString(crd.Object, "spec", "names", "kind")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, entry := range versions {
		version, _ := entry.(map[string]any)
		if served, _ := version["served"].(bool); served {
			name, _ := version["name"].(string)
			d.served = append(d.served, name)
		}
	}
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, entry := range conditions {
		condition, _ := entry.(map[string]any)
		d.established = d.established || condition["type"] == "Established" && condition["status"] == "True"
	}
	return d
}
