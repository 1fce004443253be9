package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func TestUserSecret(t *testing.T) {
	t.Parallel()
	secret, err := userSecret("tazlab-db", "data", "mnemosyne/memory")
	if err != nil {
		t.Fatal(err)
	}
	if secret.Namespace != "data" || secret.Name != "tazlab-db-pguser-mnemosyne" || secret.Labels["tazlab.net/stand-in"] != "true" {
		t.Errorf("the Secret is %s/%s, labels %v", secret.Namespace, secret.Name, secret.Labels)
	}
	for key, want := range map[string]string{"host": "tazlab-db-primary.data.svc", "port": "5432", "user": "mnemosyne", "dbname": "memory"} {
		if secret.StringData[key] != want {
			t.Errorf("%s is %q, want %q", key, secret.StringData[key], want)
		}
	}
	if password := secret.StringData["password"]; len(password) < 20 || !strings.Contains(secret.StringData["uri"], "mnemosyne:"+password+"@") {
		t.Error("the password is short, or not the one of the uri")
	}
	for _, user := range []string{"mnemosyne", "/memory", "mnemosyne/"} {
		if _, err := userSecret("tazlab-db", "data", user); err == nil {
			t.Errorf("%q was taken", user)
		}
	}
}

// A refusal is tried again, and a Secret that is there is left alone.
func TestCreate(t *testing.T) {
	t.Parallel()
	secret, err := userSecret("db", "data", "a/b")
	if err != nil {
		t.Fatal(err)
	}
	tries := 0
	client := fake.NewClientset()
	client.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		tries++
		if tries == 1 {
			return true, nil, apierrors.NewServiceUnavailable("not yet")
		}
		return false, nil, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		if err := create(ctx, client, secret); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.CoreV1().Secrets("data").Get(ctx, "db-pguser-a", metav1.GetOptions{}); err != nil || tries != 3 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

// What it writes is what the tree's health check looks at.
func TestTell(t *testing.T) {
	t.Parallel()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": postgresClusters.GroupVersion().String(), "kind": "PostgresCluster",
		"metadata": map[string]any{"namespace": "data", "name": "db", "generation": int64(3)},
		"spec":     map[string]any{"instances": []any{map[string]any{"name": "one", "replicas": int64(2)}}},
	}}
	client := dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), object)
	d := database{client.Resource(postgresClusters).Namespace("data"), "db"}
	for _, c := range []struct {
		state state
		want  string
	}{
		{waiting("30s"), "30s after its start"}, {waiting(never), "castle up --database never"}, {standing, "has brought"},
	} {
		if err := d.tell(t.Context(), c.state); err != nil {
			t.Fatal(err)
		}
		now, err := d.objects.Get(t.Context(), "db", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		conditions, _, _ := unstructured.NestedSlice(now.Object, "status", "conditions")
		if len(conditions) != 1 || !strings.Contains(fmt.Sprint(conditions[0]), c.want) {
			t.Errorf("conditions %v, want one with %q", conditions, c.want)
		}
		instances, stands, _ := unstructured.NestedSlice(now.Object, "status", "instances")
		if stands != c.state.stands {
			t.Errorf("instances %v", instances)
		}
		if stands && fmt.Sprint(instances[0]) != "map[name:one readyReplicas:2 replicas:2]" {
			t.Errorf("instances %v", instances)
		}
	}
}

// Told to end, it ends at once and without an error, and brings nothing.
func TestEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, after := range []string{never, "1h"} {
		if err := pause(ctx, after); err != nil {
			t.Errorf("%s: %v", after, err)
		}
	}
	for _, after := range []string{"soon", "-1s", ""} {
		if err := check(after); err == nil || !strings.Contains(err.Error(), "--after") {
			t.Errorf("%q: %v, want an error that names the flag", after, err)
		}
	}
	client := fake.NewClientset()
	if err := create(ctx, client, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "data", Name: "a"}}); err != nil || len(client.Actions()) > 1 {
		t.Errorf("%v, %v", err, client.Actions())
	}
	if err := listen(ctx); err != nil {
		t.Error(err)
	}
}
