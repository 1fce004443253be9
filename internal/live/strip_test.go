package live

import (
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// When somebody wrote last is judged of what is watched by its metadata, and of endpoints; nothing else of the managed fields is.
func TestTimesOfWritesAreKept(t *testing.T) {
	t.Parallel()
	at := metav1.NewTime(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	meta := metav1.ObjectMeta{
		Name: "a", Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m", Operation: "Apply", Time: &at, FieldsV1: &metav1.FieldsV1{Raw: []byte("{}")}}},
	}
	for _, object := range []client.Object{&metav1.PartialObjectMetadata{ObjectMeta: meta}, &discoveryv1.EndpointSlice{ObjectMeta: *meta.DeepCopy()}} {
		stripped, err := strip(object)
		o, ok := stripped.(client.Object)
		if err != nil || !ok {
			t.Fatal(err)
		}
		fields := o.GetManagedFields()
		if len(fields) != 1 || fields[0].Time == nil || !fields[0].Time.Equal(&at) || fields[0].FieldsV1 != nil || len(o.GetAnnotations()) > 0 {
			t.Errorf("%T keeps %+v, %v", object, fields, o.GetAnnotations())
		}
	}
}
