//go:build apiserver

package waitfor_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// eventually looks until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	err := apiwait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, limit, true, func(context.Context) (bool, error) { return so(), nil })
	if err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

// shows tells whether a text has a value in it, plain or in base64.
func shows(text, value string) bool {
	return strings.Contains(text, value) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(value)))
}

// inGroup is the right to get and watch one object of a group.
func inGroup(group, resource string, names ...string) rbacv1.PolicyRule {
	rule := named(resource, names...)
	rule.APIGroups = []string{group}
	return rule
}

// rule is the right to do something with one object of the core group, or with all where none is named.
func rule(resource, verbs string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{resource}, ResourceNames: names, Verbs: strings.Split(verbs, ",")}
}

// may waits until a right is in force.
func (p *pod) may(t *testing.T, namespace string, rule rbacv1.PolicyRule) {
	t.Helper()
	eventually(t, "a right", func() bool { return p.allowed(t, namespace, rule) })
}

// allowed tells whether the API server knows of all verbs of a rule for its first name.
func (p *pod) allowed(t *testing.T, namespace string, rule rbacv1.PolicyRule) bool {
	t.Helper()
	at := authorizationv1.ResourceAttributes{Namespace: namespace, Group: rule.APIGroups[0], Resource: rule.Resources[0], Name: first(rule.ResourceNames)}
	for _, at.Verb = range rule.Verbs {
		answer, err := p.client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:" + p.namespace + ":" + account, ResourceAttributes: &at},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !answer.Status.Allowed {
			return false
		}
	}
	return true
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// objects are those of a resource, seen by the cluster's admin; namespace "" is for kinds without.
func objects(t *testing.T, config *rest.Config, namespace, group, version, resource string) dynamic.ResourceInterface {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource}).Namespace(namespace)
}

// parse reads an object from YAML.
func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return o
}
