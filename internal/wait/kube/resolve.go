package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/target"
)

// notServed says that the API server has no such kind, or not yet.
type notServed struct{ why string }

// Error implements error.
func (e notServed) Error() string { return e.why }

// resolve finds the resource of a kind. Kubernetes' own kinds need no request, all others one for the group, if no
// version was written, and one for a version of it.
func (c *Client) resolve(ctx context.Context, o *target.Object) (kinds.Resource, error) {
	if builtin, found := kinds.Builtin(o.Kind, o.Version, o.Group); found {
		return builtin, nil
	}
	versions := []string{o.Version}
	if o.Version == "" {
		var group metav1.APIGroup
		if err := c.discover(ctx, "/apis/"+o.Group, &group); err != nil {
			return kinds.Resource{}, unserved(err, "the API server serves no group "+o.Group+" (yet): its CRDs are not installed, or the group is misspelled")
		}
		versions = []string{group.PreferredVersion.Version}
		for _, v := range group.Versions {
			if v.Version != versions[0] {
				versions = append(versions, v.Version)
			}
		}
	}
	var names []string
	for _, version := range versions {
		gv := schema.GroupVersion{Group: o.Group, Version: version}
		var list metav1.APIResourceList
		if err := c.discover(ctx, "/apis/"+gv.String(), &list); err != nil {
			return kinds.Resource{}, unserved(err, "the API server serves no "+gv.String()+" (yet): its CRDs are not installed, or it is misspelled")
		}
		if found, ok := pick(list.APIResources, o.Kind, gv); ok {
			return found, nil
		}
		for _, r := range list.APIResources {
			if !strings.Contains(r.Name, "/") && !slices.Contains(names, r.Name) {
				names = append(names, r.Name)
			}
		}
	}
	return kinds.Resource{}, notServed{fmt.Sprintf("the group %s has no kind %s (yet), only %s", o.Group, o.Kind, strings.Join(names, ", "))}
}

func unserved(err error, why string) error {
	if apierrors.IsNotFound(err) {
		return notServed{why}
	}
	return err
}

func pick(all []metav1.APIResource, kind string, gv schema.GroupVersion) (kinds.Resource, bool) {
	kind = strings.ToLower(kind)
	for _, r := range all {
		if strings.Contains(r.Name, "/") || kind != r.Name && kind != r.SingularName && kind != strings.ToLower(r.Kind) && !slices.Contains(r.ShortNames, kind) {
			continue
		}
		status := slices.ContainsFunc(all, func(sub metav1.APIResource) bool { return sub.Name == r.Name+"/status" })
		return kinds.Resource{GroupVersionResource: gv.WithResource(r.Name), Kind: r.Kind, Namespaced: r.Namespaced, Status: status}, true
	}
	return kinds.Resource{}, false
}

func (c *Client) discover(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	raw, err := c.rest.Get().AbsPath(path).Do(ctx).Raw()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
