package talos_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/castle/internal/talos"
)

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"

func TestManifestsOfBothGenerations(t *testing.T) {
	for name, c := range map[string]struct {
		patch string
		want  []talos.Manifest
	}{
		"field": {
			"cluster:\n  inlineManifests:\n  - name: seed\n    contents: |\n      a: 1\n      ---\n      b: 2\n  - {name: a, contents: \"\\n  x: 1\"}\n",
			[]talos.Manifest{{Name: "a", Contents: "x: 1"}, {Name: "seed", Contents: "a: 1\n---\nb: 2\n"}},
		},
		"documents": {
			"apiVersion: v1alpha1\nkind: KubeInlineManifestConfig\nname: seed\nmanifest: |\n  a: 1\n---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: x\n",
			[]talos.Manifest{{Name: "seed", Contents: "a: 1\n"}},
		},
		"the field wins": {
			"cluster: {inlineManifests: [{name: seed, contents: old}]}\n---\napiVersion: v1alpha1\nkind: KubeInlineManifestConfig\nname: seed\nmanifest: new\n",
			[]talos.Manifest{{Name: "seed", Contents: "old"}},
		},
		"whole config": {"version: v1alpha1\nmachine: {type: controlplane}\ncluster: {clusterName: x}\n", nil},
		"nothing":      {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := talos.Manifests([]byte(c.patch))
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestWhatTalosRefuses(t *testing.T) {
	document := "apiVersion: v1alpha1\nkind: KubeInlineManifestConfig\nname: %\nmanifest: x\n---\n"
	for name, c := range map[string]struct{ patch, want string }{
		"twice in the field":  {"cluster: {inlineManifests: [{name: seed}, {name: seed}]}", `inline manifest name "seed" is duplicate`},
		"twice in documents":  {strings.Repeat(strings.ReplaceAll(document, "%", "seed"), 2), `inline manifest name "seed" is duplicate`},
		"no name":             {"cluster: {inlineManifests: [{contents: x}]}", "can't be empty"},
		"no name of DNS":      {strings.ReplaceAll(document, "%", "Seed_1"), `inline manifest name "Seed_1" is invalid`},
		"no YAML":             {"cluster: [", "read the machine config"},
		"Kubernetes' objects": {configMap, "not a machine config nor a patch of one: it has a v1 ConfigMap"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := talos.Manifests([]byte(c.patch)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want the error %q", got, err, c.want)
			}
		})
	}
	if _, err := talos.Manifests([]byte(configMap)); !errors.Is(err, talos.ErrNoMachineConfig) {
		t.Errorf("objects of Kubernetes: %v", err)
	}
}
