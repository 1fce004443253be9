package build

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Vars returns the reader for substituteFrom: the cluster first, then the objects of the root build, in
// which the ConfigMap waits that is not in the cluster yet. Cluster may be nil.
func Vars(cluster client.Reader, rootBuild []*unstructured.Unstructured) client.Reader {
	return vars{cluster, rootBuild}
}

type vars struct {
	cluster client.Reader
	built   []*unstructured.Unstructured
}

// Get implements client.Reader for ConfigMaps and Secrets.
func (v vars) Get(ctx context.Context, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
	kind := "Secret"
	if _, ok := object.(*corev1.ConfigMap); ok {
		kind = "ConfigMap"
	}
	if v.cluster != nil {
		if err := v.cluster.Get(ctx, key, object, opts...); !apierrors.IsNotFound(err) {
			return err
		}
	}
	for _, u := range v.built {
		if u.GetKind() == kind && u.GroupVersionKind().Group == "" && u.GetNamespace() == key.Namespace && u.GetName() == key.Name {
			return convert(u, object)
		}
	}
	return apierrors.NewNotFound(corev1.Resource(kind), key.String())
}

// convert makes a built ConfigMap or Secret what it will be in the cluster: there stringData is in data.
func convert(u *unstructured.Unstructured, object client.Object) error {
	if _, encrypted := u.Object["sops"]; encrypted {
		return fmt.Errorf("%s %s/%s is encrypted with SOPS, which seed does not decrypt: put the variables that seed needs into another object", u.GetKind(), u.GetNamespace(), u.GetName())
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, object); err != nil {
		return fmt.Errorf("reading the built %s %s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), err)
	}
	if s, ok := object.(*corev1.Secret); ok {
		for name, value := range s.StringData {
			if s.Data == nil {
				s.Data = map[string][]byte{}
			}
			s.Data[name] = []byte(value)
		}
	}
	return nil
}

// List implements client.Reader; substitution never lists.
func (vars) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.ErrUnsupported
}

// readOnly lets a Reader stand where the library asks for a Client but only calls Get.
type readOnly struct {
	client.Client
	reader client.Reader
}

// Get implements client.Client.
func (r readOnly) Get(ctx context.Context, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
	if r.reader == nil {
		return apierrors.NewNotFound(corev1.Resource("configmaps"), key.String())
	}
	return r.reader.Get(ctx, key, object, opts...)
}
