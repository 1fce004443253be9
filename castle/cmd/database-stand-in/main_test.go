package main

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
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
	if err := pause(ctx, "soon"); err == nil || !strings.Contains(err.Error(), "--after") {
		t.Errorf("%v, want an error that names the flag", err)
	}
	client := fake.NewClientset()
	if err := create(ctx, client, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "data", Name: "a"}}); err != nil || len(client.Actions()) > 1 {
		t.Errorf("%v, %v", err, client.Actions())
	}
	if err := listen(ctx); err != nil {
		t.Error(err)
	}
}
