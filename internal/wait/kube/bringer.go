package kube

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/wait/access"
	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/target"
)

// userSecret is what Crunchy's operator calls the Secret of a user: CLUSTER-pguser-USER
// (https://access.crunchydata.com/documentation/postgres-operator/latest/architecture/user-management).
var userSecret = regexp.MustCompile(`^(.+)-pguser-.+$`)

// bringers are the objects that by convention bring the Secret, by name alone: to look for others would need a list.
func bringers(o *target.Object) []*target.Object {
	resource, found := kinds.Builtin(o.Kind, o.Version, o.Group)
	if !found || !isCore(resource, "secrets") || o.Name == "" {
		return nil
	}
	all := []*target.Object{{Namespace: o.Namespace, Kind: "externalsecrets", Group: "external-secrets.io", Name: o.Name}}
	if cluster := userSecret.FindStringSubmatch(o.Name); cluster != nil {
		all = append(all, &target.Object{Namespace: o.Namespace, Kind: "postgresclusters", Group: "postgres-operator.crunchydata.com", Name: cluster[1]})
	}
	return all
}

// Bringer says how the object does that should bring a Secret, an ExternalSecret or a PostgresCluster, where it may be
// read; else it is "".
func (c *Client) Bringer(ctx context.Context, o *target.Object) string {
	var said []string
	for _, bringer := range bringers(o) {
		key := bringer.Kind + "/" + bringer.Namespace + "/" + bringer.Name
		if _, silent := c.silent.Load(key); silent {
			continue
		}
		text, err := c.bringer(ctx, bringer)
		switch {
		case err == nil:
			said = append(said, text)
		case apierrors.IsForbidden(err):
			c.silent.Store(key, true) // it will not be asked for again: refusals fill audit logs
		}
	}
	return strings.Join(said, "; ")
}

func (c *Client) bringer(ctx context.Context, o *target.Object) (string, error) {
	resource, err := c.resolve(ctx, o)
	if err != nil {
		return "", err
	}
	f := Follower{Client: c, Object: o}
	name := resource.Kind + " " + f.namespace() + "/" + o.Name
	got, err := c.objects.Resource(resource.GroupVersionResource).Namespace(f.namespace()).Get(ctx, o.Name, metav1.GetOptions{})
	if absent(err, o.Name) {
		return "there is no " + name, nil
	}
	if err != nil {
		return "", err
	}
	return name + ": " + conditions(got), nil
}

// conditions names those that are not True, with why.
func conditions(o *unstructured.Unstructured) string {
	list, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil || len(list) == 0 {
		return "it has no conditions yet"
	}
	var all []string
	for _, entry := range list {
		c, ok := entry.(map[string]any)
		if ok && c["status"] != "True" {
			all = append(all, fmt.Sprintf("%v is %v (%v: %v)", c["type"], c["status"], c["reason"], c["message"]))
		}
	}
	if len(all) == 0 {
		return "all its conditions are True"
	}
	return strings.Join(all, ", ")
}

// BringerNeeds are the rights that Bringer makes use of.
func BringerNeeds(o *target.Object, namespace string) []access.Need {
	var all []access.Need
	for _, b := range bringers(o) {
		if b.Namespace != "" {
			namespace = b.Namespace
		}
		all = append(all, access.Need{
			Namespace: namespace, Group: b.Group, Resource: b.Kind, Names: []string{b.Name}, Verbs: []string{"get"},
			Why: "to say why " + o.Name + " is not there yet",
		})
	}
	return all
}
