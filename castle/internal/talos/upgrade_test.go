//go:build apiserver

package talos_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/castle/internal/talos"
)

const job = `apiVersion: batch/v1
kind: Job
metadata: {namespace: NS, name: job}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "%s"}]}}}`

func TestUpgradeMakesTheClusterWhatTheConfigSays(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	w.put(data("a", "x"), data("b", "x"), data("c", "x"))
	w.boot()
	w.mustUpgrade(talos.Upgrade{}, "unchanged ConfigMap/NS/a", "unchanged ConfigMap/NS/b", "unchanged ConfigMap/NS/c")
	w.delete("a")
	w.set("b", "emptied", nil)
	w.mustUpgrade(talos.Upgrade{}, "created ConfigMap/NS/a", "configured ConfigMap/NS/b", "unchanged ConfigMap/NS/c")
	w.want("a", "x")
	w.want("b", "x") // taken back by force
	w.set("theirs", "x", nil)
	w.put(data("a", "x"), data("b", "new"), data("d", "x"))
	w.mustUpgrade(talos.Upgrade{}, "unchanged ConfigMap/NS/a", "configured ConfigMap/NS/b", "created ConfigMap/NS/d", "deleted ConfigMap/NS/c")
	w.want("c", "none")
	w.want("theirs", "x")
	w.wantInventory("NS_a__ConfigMap", "NS_b__ConfigMap", "NS_d__ConfigMap")
}

func TestUpgradeAfterAllIsRemovedFromTheConfig(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	w.BuiltIn = []talos.Manifest{{Name: "11-core-dns", Contents: strings.ReplaceAll(data("builtin", "x"), "NS", w.namespace)}}
	w.put(data("a", "x"), data("gone", "x"))
	w.boot()
	w.delete("gone")
	w.inline = nil
	w.boot()
	w.want("a", "x") // boot only adds
	w.mustUpgrade(talos.Upgrade{NoPrune: true}, "unchanged ConfigMap/NS/builtin")
	w.want("a", "x")
	w.mustUpgrade(talos.Upgrade{}, "unchanged ConfigMap/NS/builtin", "deleted ConfigMap/NS/a")
	w.want("a", "none")
	w.wantInventory("NS_builtin__ConfigMap")
}

func TestUpgradeAfterAnAbortedPassPrunesNothing(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	w.put(data("a", "x"))
	w.boot()
	w.put(missingNamespace)
	if err := w.bootOnce(); err == nil {
		t.Fatal("the pass was not aborted")
	}
	w.put(data("b", "x"))
	w.mustUpgrade(talos.Upgrade{}, "created ConfigMap/NS/b")
	w.want("a", "x") // no longer listed, it is nobody's
}

func TestUpgradeLeavesAnotherInventorysObjects(t *testing.T) {
	other := map[string]string{"config.k8s.io/owning-inventory": "other"}
	w := newWorld(t, talos.Inventory)
	w.set("a", "theirs", other)
	w.put(data("a", "ours"), data("b", "ours"))
	if _, err := w.upgrade(talos.Upgrade{}); err == nil || !strings.Contains(err.Error(), "inventory other") {
		t.Errorf("apply: %v", err)
	}
	w.want("a", "theirs")
	w.want("b", "none") // everything is tried before anything is done
	w.boot()            // lists it, as it exists
	w.inline = nil
	if _, err := w.upgrade(talos.Upgrade{}); err == nil || !strings.Contains(err.Error(), "inventory other") {
		t.Errorf("prune: %v", err)
	}
	w.want("a", "theirs")
}

func TestUpgradeOfAJob(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	w.put(data("a", "x"), fmt.Sprintf(job, "one"))
	w.boot()
	w.mustUpgrade(talos.Upgrade{}, "unchanged ConfigMap/NS/a", "unchanged Job/NS/job")
	w.put(data("a", "new"), fmt.Sprintf(job, "two"))
	if _, err := w.upgrade(talos.Upgrade{}); err == nil || !strings.Contains(err.Error(), "field is immutable") {
		t.Errorf("another template: %v", err)
	}
	w.want("a", "x")
	if changes, err := w.upgrade(talos.Upgrade{Force: true}); err != nil || !slices.Contains(changes, "configured ConfigMap/NS/a") {
		t.Errorf("with force: %q, %v", changes, err)
	}
	found, err := core.BatchV1().Jobs(w.namespace).Get(t.Context(), "job", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if image := found.Spec.Template.Spec.Containers[0].Image; image != "two" {
		t.Errorf("with force the Job has the image %s", image)
	}
}

func TestOldUpgradeReplacesAndPrunesNothing(t *testing.T) {
	w := newWorld(t, talos.CreateMissing)
	w.put(data("a", "x"), data("b", "x"), data("c", "x"), fmt.Sprintf(job, "one"))
	w.mustUpgrade(talos.Upgrade{}, "created ConfigMap/NS/a", "created ConfigMap/NS/b", "created ConfigMap/NS/c", "created Job/NS/job")
	w.set("b", "emptied", map[string]string{"theirs": "lost"})
	w.put(data("b", "x"), data("c", "x"))
	w.mustUpgrade(talos.Upgrade{}, "configured ConfigMap/NS/b", "unchanged ConfigMap/NS/c")
	w.want("a", "x")
	w.want("b", "x")
	found, err := core.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "b", metav1.GetOptions{})
	if err != nil || len(found.Annotations) != 0 {
		t.Errorf("annotations of others: %v (%v)", found.Annotations, err)
	}
	w.put(fmt.Sprintf(job, "one"), data("d", "x"))
	if _, err := w.upgrade(talos.Upgrade{}); err == nil || !strings.Contains(err.Error(), "spec.selector: Required value") {
		t.Errorf("a Job that exists, unchanged: %v", err)
	}
	w.want("d", "none") // the first error ends it
}
