// Package letgo takes away what seed has no use for after the birth: its rights, the Secrets that it carried, and the sets
// before its own. What is its own is emptied and never deleted: Talos brings back what is missing and leaves alone what is
// there.
package letgo

import (
	"context"
	"encoding/json"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/set"
)

const fieldOwner = client.FieldOwner("seed")

// HasRights asks the API server whether seed may do everything: that is what planting needs.
func HasRights(ctx context.Context, live client.Client) (bool, error) {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "*", Group: "*", Resource: "*"},
	}}
	if err := live.Create(ctx, review); err != nil {
		return false, fmt.Errorf("asking the API server for seed's own rights: %w", err)
	}
	if !review.Status.Allowed && review.Status.EvaluationError != "" {
		return false, fmt.Errorf("asking the API server for seed's own rights: %s", review.Status.EvaluationError)
	}
	return review.Status.Allowed, nil
}

// EmptySecrets takes the data out of the Secrets that own carries and names those that it changed. The one that the
// kubelet pulls seed's image with stays: a later run must be able to start.
func EmptySecrets(ctx context.Context, live client.Client, own set.Set) (emptied []string, err error) {
	var secrets corev1.SecretList
	if err := live.List(ctx, &secrets, client.InNamespace(set.Namespace), client.MatchingLabels{set.Label: string(own)}); err != nil {
		return nil, fmt.Errorf("listing the Secrets that set %s carries: %w", own, err)
	}
	for _, s := range secrets.Items {
		if s.Name == own.PullSecret() || set.IsEmpty(&s) {
			continue
		}
		patch, err := json.Marshal(map[string]any{"data": nothing(&s)})
		if err != nil {
			return emptied, err
		}
		if err := live.Patch(ctx, meta("v1", "Secret", client.ObjectKeyFromObject(&s)), client.RawPatch(types.MergePatchType, patch), fieldOwner); client.IgnoreNotFound(err) != nil {
			return emptied, fmt.Errorf("emptying the Secret %s/%s: %w", s.Namespace, s.Name, err)
		}
		emptied = append(emptied, s.Name)
	}
	return emptied, nil
}

// nothing is the data of a merge patch after which s is empty. Whole or key by key, null leaves no field behind that
// would be seed's when the manifest is applied again.
func nothing(s *corev1.Secret) any {
	if s.Type != corev1.SecretTypeDockerConfigJson {
		return nil
	}
	data := map[string]any{}
	for key := range s.Data {
		data[key] = nil
	}
	data[corev1.DockerConfigJsonKey] = []byte(set.EmptyPullData)
	return data
}

// EmptyRights takes the subjects out of own's ClusterRoleBinding: from then on seed may do what its small Role says, and
// no more.
func EmptyRights(ctx context.Context, live client.Client, own set.Set) error {
	binding := meta("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", types.NamespacedName{Name: own.Name()})
	if err := live.Get(ctx, client.ObjectKeyFromObject(binding), binding); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil
		}
		return fmt.Errorf("reading the ClusterRoleBinding %s: %w", own.Name(), err)
	}
	if binding.Labels[set.Label] != string(own) {
		return fmt.Errorf("the ClusterRoleBinding %s has not the label %s=%s: it is not what the inline manifest brought, and seed keeps its hands off it; remove its subjects by hand", own.Name(), set.Label, own)
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"subjects":null}`))
	if err := live.Patch(ctx, binding, patch, fieldOwner); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("taking the subjects out of the ClusterRoleBinding %s: %w", own.Name(), err)
	}
	return nil
}

// meta names an object for a request that neither sends nor wants more of it than its metadata.
func meta(apiVersion, kind string, key types.NamespacedName) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: apiVersion, Kind: kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
	}
}
