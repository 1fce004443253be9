// Package manifests makes the inline manifest: the objects that carry seed into a newborn cluster.
package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
)

const (
	// Namespace is where seed lives.
	Namespace = claim.Namespace
	// name is that of the objects that are seed's alone.
	name = "seed"
	// ConfigMap holds the bundle.
	ConfigMap = name
	// ConfigDir is where the Pod mounts the ConfigMap.
	ConfigDir = "/etc/seed"
	// BundleKey is the file in it that holds the bundle.
	BundleKey = "bundle.yaml"
	// VaultCAKey is the file in it with certificates for a private vault; it may be missing.
	VaultCAKey = "vault-ca.crt"
	// maxBundle is what fits into a ConfigMap beside its metadata, in bytes.
	maxBundle = 1<<20 - 64<<10
)

// Input is what the inline manifest is made from.
type Input struct {
	// Bundle is the YAML of the bundle; it is checked here as seed will check it.
	Bundle []byte
	// Planted are the claims that planted units need beside those in the bundle.
	Planted []bundle.Claim
	// Identity is what stores log in with, and the credentials that no ExternalSecret brings.
	Identity Identity
	// VaultCA are PEM certificates that vouch for the vault beside the public ones; may be empty.
	VaultCA []byte
	// Image is seed's own image.
	Image string
}

// Render returns the manifest as YAML documents in the order in which they can be created. It holds the
// identity in the clear: it belongs into the machine config and nowhere else.
func Render(in Input) ([]byte, error) {
	b, err := bundle.Parse(in.Bundle)
	if err != nil {
		return nil, err
	}
	if len(in.Bundle) > maxBundle {
		return nil, fmt.Errorf("the bundle has %d bytes, a ConfigMap takes %d: shorten the certificates and templates in its objects", len(in.Bundle), maxBundle)
	}
	identity, err := identitySecrets(append(slices.Clone(b.Claims), in.Planted...), in.Identity)
	if err != nil {
		return nil, err
	}
	tokens, err := projectedTokens(append(slices.Clone(b.Claims), in.Planted...), identity)
	if err != nil {
		return nil, err
	}
	config := map[string]string{BundleKey: string(in.Bundle)}
	if len(in.VaultCA) > 0 {
		config[VaultCAKey] = string(in.VaultCA)
	}
	objects := []any{namespace(), serviceAccount(), clusterRoleBinding()}
	for _, s := range identity {
		objects = append(objects, s)
	}
	objects = append(objects, &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: own(), Data: config,
	}, job(in.Image, tokens))
	return encode(objects)
}

// namespace allows hostNetwork, which Talos' default Pod Security level "baseline" forbids.
func namespace() *corev1.Namespace {
	l := labels()
	l["pod-security.kubernetes.io/enforce"] = "privileged"
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace, Labels: l},
	}
}

func serviceAccount() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: own()}
}

// clusterRoleBinding gives cluster-admin: Flux' own manifests bind it to Flux' controllers, and the API
// server lets nobody grant what he has not.
func clusterRoleBinding() *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels()},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: Namespace, Name: name}},
	}
}

func own() metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: Namespace, Name: name, Labels: labels()}
}

func labels() map[string]string { return map[string]string{"app.kubernetes.io/name": name} }

func encode(objects []any) ([]byte, error) {
	var docs [][]byte
	var errs []error
	for _, object := range objects {
		doc, err := yaml.Marshal(object)
		docs, errs = append(docs, doc), append(errs, err)
	}
	return bytes.Join(docs, []byte("---\n")), errors.Join(errs...)
}
