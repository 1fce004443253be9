package claim

import (
	"fmt"
	"maps"
	"slices"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/template"
)

// render makes the Secret of values. Without a template they are the data, and the ExternalSecret's labels
// and annotations are the Secret's, as with External Secrets Operator; with one, each text in it is a Go
// template over the values
// (https://github.com/external-secrets/external-secrets/blob/v2.9.0/pkg/controllers/externalsecret/externalsecret_controller_template.go).
func render(es *esv1.ExternalSecret, target types.NamespacedName, values map[string]secret.String) (*corev1.Secret, error) {
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: target.Namespace, Name: target.Name},
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{},
	}
	t := es.Spec.Target.Template
	if t == nil || len(t.Data) == 0 || t.MergePolicy == esv1.MergePolicyMerge {
		for key, value := range values {
			s.Data[key] = []byte(value.Reveal())
		}
	}
	if t == nil {
		s.Labels, s.Annotations = maps.Clone(es.Labels), maps.Clone(es.Annotations)
		return s, nil
	}
	if t.Type != "" {
		s.Type = t.Type
	}
	data, err := fill("data", t.Data, values)
	if err != nil {
		return nil, err
	}
	for key, text := range data {
		s.Data[key] = []byte(text)
	}
	if s.Labels, err = fill("metadata.labels", t.Metadata.Labels, values); err != nil {
		return nil, err
	}
	s.Annotations, err = fill("metadata.annotations", t.Metadata.Annotations, values)
	return s, err
}

// fill fills the values into the texts of one part of spec.target.template.
func fill(part string, texts map[string]string, values map[string]secret.String) (map[string]string, error) {
	filled := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(texts)) { // in order, so that the same error comes again
		field := fmt.Sprintf("spec.target.template.%s[%s]", part, key)
		t, err := template.Parse(key, texts[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		out, err := t.Execute(values)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be filled in: %w", field, err)
		}
		filled[key] = string(out)
	}
	return filled, nil
}
