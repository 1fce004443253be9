//go:build apiserver

package talos_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tazlab/seed/castle/internal/talos"
)

const (
	missingNamespace = "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: NS-missing, name: early}"
	laterNamespace   = "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS-missing}"
	crd              = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.castle.internal}
spec:
  group: castle.internal
  names: {kind: %[2]s, plural: %[1]ss, singular: %[1]s}
  scope: Cluster
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]`
)

func TestOrderOfManifestsAndObjects(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	watched, written := writes()
	var err error
	if w.Applier, err = talos.New(watched, talos.Inventory); err != nil {
		t.Fatal(err)
	}
	list := "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(data("l2", "x"), "\n", "\n  ") + "\n- " + strings.ReplaceAll(data("l1", "x"), "\n", "\n  ")
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: order-%s}"
	documents := func(all ...string) string {
		return strings.ReplaceAll(strings.Join(all, "\n---\n"), "NS", w.namespace)
	}
	w.BuiltIn = []talos.Manifest{{Name: "11-core-dns", Contents: documents(data("builtin", "x"), fmt.Sprintf(namespace, "c"))}}
	w.inline = []talos.Manifest{
		{Name: "seed", Contents: documents("# a comment", data("s2", "x"), data("s1", "x"), fmt.Sprintf(namespace, "b"), fmt.Sprintf(crd, "tower", "Tower"))},
		{Name: "00-x", Contents: documents(list, fmt.Sprintf(crd, "gate", "Gate"), fmt.Sprintf(namespace, "a"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nowhere}")},
	}
	w.boot()
	want := []string{
		"order-a", "order-b", "order-c", "gates.castle.internal", "towers.castle.internal", "builtin", "l2", "l1", "nowhere", "s2", "s1",
	}
	if got := written(); !slices.Equal(got, want) {
		t.Errorf("written %q, want %q", got, want)
	}
	if !slices.Contains(w.inventory(), "default_nowhere__ConfigMap") {
		t.Errorf("what has no namespace is in default; the inventory: %q", w.inventory())
	}
}

func TestErrorsThatEndAPassAndThoseThatDoNot(t *testing.T) {
	foreign := "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: NS, name: bad, annotations: {config.k8s.io/owning-inventory: other}}"
	wrongType := "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: NS, name: bad}\ndata: [1]"
	stray := "apiVersion: v1\nkind: Namespace\nmetadata: {namespace: NS, name: NS-stray}"
	const goesOn, ends, fine = "x", "none", ""
	for _, c := range []struct{ name, object, old, oldError, now, nowError string }{
		{"Invalid", "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: NS, name: Bad_Name}", goesOn, "Invalid value", goesOn, "Invalid value"},
		{"NoMapping", "apiVersion: castle.internal/v1\nkind: Bridge\nmetadata: {name: b}", goesOn, "no matches for kind", goesOn, "no matches for kind"},
		// A create of it is a bad request; a server-side apply is an internal error.
		{"WrongType", wrongType, goesOn, "cannot be handled as a ConfigMap", ends, "failed to create typed patch object"},
		{"ForeignInventory", foreign, goesOn, fine, goesOn, "another inventory: other"},
		{"NoNamespace", missingNamespace, ends, "not found", ends, "not found"},
		{"StrayNamespace", stray, goesOn, "", goesOn, fine},
	} {
		for version, want := range map[talos.Version][2]string{talos.CreateMissing: {c.old, c.oldError}, talos.Inventory: {c.now, c.nowError}} {
			t.Run(c.name+string(version), func(t *testing.T) {
				w := newWorld(t, version)
				w.put(data("before", "x"), c.object, data("after", "x"))
				err := w.bootOnce()
				if (err == nil) != (want[1] == fine) || err != nil && !strings.Contains(err.Error(), want[1]) {
					t.Errorf("the pass: %v, want %q", err, want[1])
				}
				w.want("before", "x")
				w.want("after", want[0])
			})
		}
	}
}

func TestAManifestThatCannotBeRead(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	w.put("no: kind")
	if err := w.Apply(t.Context(), w.inline); err == nil || !strings.Contains(err.Error(), "99-seed") {
		t.Errorf("apply: %v", err)
	}
}

func TestBootCreatesWhatIsMissingAndChangesNothing(t *testing.T) {
	for _, version := range []talos.Version{talos.CreateMissing, talos.Inventory} {
		t.Run("Additive"+string(version), func(t *testing.T) {
			w := newWorld(t, version)
			w.put(data("a", "old"), data("b", "old"))
			w.boot()
			w.set("b", "emptied", nil)
			w.delete("a")
			w.put(data("a", "new"), data("b", "new"), data("c", "new"))
			w.boot()
			if version == talos.Inventory {
				w.want("a", "none") // listed once, it stays deleted
			} else {
				w.want("a", "new")
			}
			w.want("b", "emptied")
			w.want("c", "new")
			w.put(data("a", "new"))
			w.boot()
			w.want("c", "new") // removed from the machine config, and not from the cluster
		})
	}
}

func TestWhatExistsIsListedAndLeft(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	w.set("a", "theirs", map[string]string{"config.k8s.io/owning-inventory": "other"})
	w.put(data("a", "ours"))
	w.boot()
	w.want("a", "theirs")
	w.wantInventory("NS_a__ConfigMap")
	w.delete("a")
	w.boot()
	w.want("a", "none")
}

func TestAnAbortedPassLeavesAnEmptyInventory(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	w.put(data("a", "old"), data("b", "old"))
	w.boot()
	w.delete("a")
	w.set("b", "emptied", nil)
	w.boot()
	w.want("a", "none")
	w.put(data("a", "old"), data("b", "old"), missingNamespace)
	if err := w.bootOnce(); err == nil {
		t.Fatal("the pass was not aborted")
	}
	w.want("a", "none") // it was listed still
	w.wantInventory()
	w.put(data("a", "old"), data("b", "old"), missingNamespace, laterNamespace)
	w.boot()
	w.want("a", "old") // as if it had never been there
	w.want("b", "emptied")
	w.wantInventory("NS-missing_early__ConfigMap", "NS_a__ConfigMap", "NS_b__ConfigMap", "_NS-missing__Namespace")
}

func TestACollectedErrorKeepsTheInventory(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	w.put(data("a", "x"), "apiVersion: castle.internal/v1\nkind: Bridge\nmetadata: {name: b}")
	if err := w.bootOnce(); err == nil {
		t.Fatal("the pass had no error")
	}
	w.wantInventory("NS_a__ConfigMap")
}

func TestThreeControlPlanes(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	var turns sync.Mutex
	var want []string
	var group sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range 3 {
		own := fmt.Sprintf("only-%d", i)
		want = append(want, "NS_"+own+"__ConfigMap")
		w.put(data("shared", "x"), data(own, "x"))
		inline := w.inline
		group.Go(func() {
			applier, err := talos.New(config, talos.Inventory)
			if err != nil {
				t.Error(err)
				return
			}
			applier.Turns = &turns
			applier.OnError = func(err error) { t.Errorf("a pass: %v", err) }
			if err := applier.Apply(ctx, inline); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	w.wantInventory(append(want, "NS_shared__ConfigMap")...) // the union of what differs
}
