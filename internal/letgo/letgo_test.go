package letgo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/letgo"
	"github.com/tazlab/seed/internal/set"
)

const own set.Set = "5555555555"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// brought is an object of a set as the inline manifest has it, made some seconds after noon.
func brought(s set.Set, object client.Object, name string, seconds int) client.Object {
	object.SetName(name)
	object.SetLabels(s.Labels())
	object.SetCreationTimestamp(metav1.NewTime(noon.Add(time.Duration(seconds) * time.Second)))
	if _, global := object.(*rbacv1.ClusterRoleBinding); !global {
		object.SetNamespace(set.Namespace)
	}
	return object
}

// whole is every object of a set.
func whole(s set.Set, seconds int) []client.Object {
	return []client.Object{
		brought(s, &corev1.ConfigMap{}, s.Name(), seconds), brought(s, &batchv1.Job{}, s.Name(), seconds),
		brought(s, &corev1.Secret{}, s.Carried("identity"), seconds), brought(s, &corev1.Secret{}, s.PullSecret(), seconds),
		brought(s, &rbacv1.ClusterRoleBinding{}, s.Name(), seconds), brought(s, &rbacv1.RoleBinding{}, s.Name(), seconds), brought(s, &rbacv1.Role{}, s.Name(), seconds),
	}
}

func names(s set.Set) []string {
	return []string{
		"Job " + s.Name(), "Secret " + s.Carried("identity"), "Secret " + s.PullSecret(), "ClusterRoleBinding " + s.Name(),
		"RoleBinding " + s.Name(), "Role " + s.Name(), "ConfigMap " + s.Name(),
	}
}

func TestRemoveOlder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		others []client.Object
		want   []string
	}{
		"older":                         {whole("9999999999", -1), names("9999999999")},
		"newer":                         {whole("1111111111", 1), nil},
		"same second, smaller name":     {whole("1111111111", 0), names("1111111111")},
		"same second, greater name":     {whole("9999999999", 0), nil},
		"ConfigMap lost, rest older":    {whole("9999999999", -1)[1:], names("9999999999")[:6]},
		"ConfigMap still to come":       {whole("1111111111", 1)[1:], nil},
		"ConfigMap still to come, part": {[]client.Object{brought("1111111111", &rbacv1.Role{}, "seed-1111111111", -1), brought("1111111111", &rbacv1.RoleBinding{}, "seed-1111111111", 1)}, nil},
		"ConfigMap older than the rest": {append(whole("1111111111", 1)[1:], brought("1111111111", &corev1.ConfigMap{}, "seed-1111111111", -1)), names("1111111111")},
		"ConfigMap newer than the rest": {append(whole("1111111111", -1)[1:], brought("1111111111", &corev1.ConfigMap{}, "seed-1111111111", 1)), nil},
		"shared":                        {[]client.Object{brought("", &corev1.ConfigMap{}, "seed-report", -1), brought("", &rbacv1.ClusterRoleBinding{}, "seed", -1)}, nil},
		"not named as a set's":          {[]client.Object{brought("1111111111", &corev1.Secret{}, "precious", -1)}, nil},
		"two":                           {append(whole("1111111111", -2), whole("2222222222", -1)...), append(names("1111111111"), names("2222222222")...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(append(whole(own, 0), test.others...)...).Build()
			removed, err := letgo.RemoveOlder(t.Context(), live, own)
			slices.Sort(removed)
			slices.Sort(test.want)
			if err != nil || !slices.Equal(removed, test.want) {
				t.Errorf("RemoveOlder = %q, %v; want %q", removed, err, test.want)
			}
			again, err := letgo.RemoveOlder(t.Context(), live, own)
			if err != nil || len(again) > 0 {
				t.Errorf("once more: %q, %v", again, err)
			}
		})
	}
}

// Jobs go first and alone, so that their Pods leave the Lease; a set that cannot tell its own age removes nothing.
func TestRemoveOlderJobs(t *testing.T) {
	t.Parallel()
	objects := append(whole(own, 0), whole("1111111111", -1)...)
	live := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(objects...).Build()
	if removed, err := letgo.RemoveOlderJobs(t.Context(), live, own); err != nil || !slices.Equal(removed, []string{"Job seed-1111111111"}) {
		t.Errorf("RemoveOlderJobs = %q, %v", removed, err)
	}
	live = fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(objects[1:]...).Build()
	if removed, err := letgo.RemoveOlder(t.Context(), live, own); err == nil || len(removed) > 0 || !strings.Contains(err.Error(), "the ConfigMap seed-system/seed-5555555555 is gone") {
		t.Errorf("RemoveOlder without an age = %q, %v", removed, err)
	}
}
