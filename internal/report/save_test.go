package report_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

func TestSaveKeepsTheRecordOfABirth(t *testing.T) {
	t.Parallel()
	live := fake.NewClientBuilder().Build()
	if _, err := report.Load(t.Context(), live); !apierrors.IsNotFound(err) {
		t.Errorf("Load of nothing: %v", err)
	}
	for _, step := range []struct {
		r       report.Report
		planted bool
		want    string
	}{
		{report.Report{Revision: "blocked"}, false, "blocked"},
		{report.Report{Revision: "first"}, true, "first"},
		{report.Report{Revision: "second Pod"}, false, "second Pod"},
		{report.Report{Revision: "ended", Ended: time.Unix(100, 5), Set: "abc"}, false, "ended"},
		{report.Report{Revision: "later run", Ended: time.Unix(200, 0)}, false, "ended"},
		{report.Report{Revision: "new life"}, true, "new life"},
	} {
		if err := step.r.Save(t.Context(), live, step.planted); err != nil {
			t.Fatal(err)
		}
		got, err := report.Load(t.Context(), live)
		if err != nil || got.Revision != step.want {
			t.Fatalf("after %+v the record is %+v, %v", step.r, got, err)
		}
		if step.want == "ended" && (!got.Ended.Equal(time.Unix(100, 5)) || got.Set != "abc") {
			t.Errorf("it came back as %+v", got)
		}
	}
}

func TestLoadOfWhatIsNoReport(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]map[string]string{
		"empty": nil, "no JSON": {"report.json": "once upon a time"}, "half": {"report.json": `{"machine": "20`}, "other": {"report.json": `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := fake.NewClientBuilder().WithObjects(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: report.ConfigMap}, Data: data}).Build()
			if _, err := report.Load(t.Context(), live); !errors.Is(err, report.ErrUnreadable) || !strings.Contains(err.Error(), "ConfigMap seed-system/seed-report, key report.json") {
				t.Errorf("Load: %v", err)
			}
			if err := (&report.Report{Revision: "x"}).Save(t.Context(), live, false); err != nil {
				t.Errorf("Save over it: %v", err)
			}
			if _, err := report.Load(t.Context(), live); err != nil {
				t.Errorf("Load: %v", err)
			}
		})
	}
}

func TestContinues(t *testing.T) {
	t.Parallel()
	earlier := &report.Report{Machine: time.Unix(1, 0), Seed: time.Unix(10, 0), Revision: "main@sha1:1", Dropped: 2}
	earlier.Add("plant", time.Unix(11, 0), report.Done, "")
	r := &report.Report{Machine: time.Unix(2, 0), Seed: time.Unix(20, 0), Units: []report.Unit{{Name: "u"}}}
	r.Add("follow", time.Unix(21, 0), report.Done, "")
	r.Continues(earlier)
	if !r.Seed.Equal(time.Unix(10, 0)) || !r.Machine.Equal(time.Unix(1, 0)) || r.Dropped != 2 || len(r.Steps) != 2 || r.Steps[0].Name != "plant" || len(r.Units) != 1 {
		t.Errorf("%+v", r)
	}
	if s := r.Summary(); s != "Flux is planted at main@sha1:1; all 1 Kustomizations are Ready" {
		t.Errorf("Summary: %s", s)
	}
}
