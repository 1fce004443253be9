package life

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/tazlab/seed/castle/internal/talos"
)

func newCastle(t *testing.T, version talos.Version) *Castle {
	t.Helper()
	c, err := New(Options{Root: "../../..", Dir: filepath.Join(t.TempDir(), "run"), Talos: version})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMachineConfigOutlivesItsProcess(t *testing.T) {
	c := newCastle(t, talos.CreateMissing)
	if _, err := c.machine(); err == nil || !strings.Contains(err.Error(), "no castle is up") {
		t.Errorf("without a castle: %v", err)
	}
	if err := c.saveMachine(machine{Talos: c.Talos}); err != nil {
		t.Fatal(err)
	}
	config := "cluster: {inlineManifests: [{name: seed, contents: 'kind: Secret'}]}"
	if err := c.Apply(t.Context(), []byte(config)); !errors.Is(err, fs.ErrNotExist) { // of the kubeconfig: no node runs here
		t.Errorf("apply: %v", err)
	}
	other := newCastle(t, "") // as another command would
	other.Dir = c.Dir
	m, err := other.machine()
	if err != nil || m.Talos != talos.CreateMissing || m.Config != config {
		t.Errorf("read back: %+v (%v)", m, err)
	}
	info, err := os.Stat(c.machineFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v (%v)", info.Mode(), err)
	}
	if err := c.Apply(t.Context(), []byte("cluster: {inlineManifests: [{name: a}, {name: a}]}")); err == nil || !strings.Contains(err.Error(), "duplicate") {
		t.Errorf("a config that Talos refuses: %v", err)
	}
	if m, err := c.machine(); err != nil || m.Config != config {
		t.Errorf("after a config that Talos refuses: %+v (%v)", m, err)
	}
}

func TestObjectsAloneAreSeedsManifest(t *testing.T) {
	all, err := machine{Config: "apiVersion: v1\nkind: Namespace\n"}.manifests()
	if err != nil || len(all) != 1 || all[0].Name != "seed" {
		t.Errorf("%+v (%v)", all, err)
	}
}

func TestUnknownTalos(t *testing.T) {
	if _, err := New(Options{Root: "../../..", Talos: "1.15"}); err == nil || !strings.Contains(err.Error(), `"1.12" "1.13" "1.14"`) {
		t.Errorf("%v", err)
	}
}

func TestNewestJob(t *testing.T) {
	job := func(name string, age time.Duration, labels map[string]string) *batchv1.Job {
		return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
			Namespace: SeedNamespace, Name: name, Labels: labels, CreationTimestamp: metav1.NewTime(time.Unix(1000, 0).Add(-age)),
		}}
	}
	ours := map[string]string{"app.kubernetes.io/name": "seed"}
	client := fake.NewClientset(job("seed-b", time.Hour, ours), job("seed-a", time.Minute, ours), job("seed-0", time.Minute, ours), job("other", 0, nil))
	if newest, err := NewestJob(t.Context(), client); err != nil || newest.Name != "seed-a" {
		t.Errorf("%v (%v)", newest, err)
	}
	if none, err := NewestJob(t.Context(), fake.NewClientset()); err != nil || none != nil {
		t.Errorf("%v (%v)", none, err)
	}
}
