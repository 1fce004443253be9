package talos

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config/configpatcher"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"
)

const remove = "cluster: {inlineManifests: [{name: seed, $patch: delete}]}"

// legacy is the patch for Talos up to 1.13, read by another library than Talos'.
type legacy struct {
	Cluster struct {
		InlineManifests []struct{ Name, Contents string } `json:"inlineManifests"`
	} `json:"cluster"`
}

// apply does what talosctl does with --config-patch, one after the other.
func apply(t *testing.T, text []byte, patches ...string) []byte {
	t.Helper()
	var loaded []configpatcher.Patch
	for _, patch := range patches {
		p, err := configpatcher.LoadPatch([]byte(patch))
		if err != nil {
			t.Fatal(err)
		}
		loaded = append(loaded, p)
	}
	patched, err := configpatcher.Apply(configpatcher.WithConfig(load(t, text)), loaded)
	if err != nil {
		t.Fatal(err)
	}
	out, err := patched.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// patches are those that were rendered already, by cluster and version: building a tree takes a while.
var patches sync.Map

func render(t *testing.T, cluster, version string) string {
	t.Helper()
	once, _ := patches.LoadOrStore(cluster+version, sync.OnceValues(func() (string, error) {
		out, messages, code := seed(t, append([]string{"render", "talos", "--talos-version", version}, flags(t, cluster)...)...)
		if code != 0 {
			return "", fmt.Errorf("render %s for %s: exit code %d: %s", cluster, version, code, messages)
		}
		return out, nil
	}))
	patch, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return patch
}

// A machine config with the patch is as valid as without, and says the same.
func TestTalosTakesThePatch(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, cluster := range clusters {
				before := c.config(t, machine.TypeControlPlane)
				after := apply(t, before, render(t, cluster, c.name))
				for _, m := range c.modes() {
					without, err := load(t, before).Validate(m)
					if err != nil {
						t.Fatalf("Talos refuses its own config in mode %s: %v", m, err)
					}
					with, err := load(t, after).Validate(m)
					if err != nil {
						t.Errorf("%s, mode %s: %v", cluster, m, err)
					}
					if strings.Join(with, "\n") != strings.Join(without, "\n") {
						t.Errorf("%s, mode %s: warnings %q with the patch, %q without", cluster, m, with, without)
					}
				}
			}
		})
	}
}

// What Talos hands to the API server is what seed meant, to the byte: through the patch, and through the file it is kept in.
func TestTalosReadsTheManifestThatSeedWrote(t *testing.T) {
	t.Parallel()
	c := contracts[len(contracts)-1]
	for _, cluster := range clusters {
		patch := render(t, cluster, c.name)
		var meant legacy
		if err := yaml.UnmarshalStrict([]byte(patch), &meant); err != nil {
			t.Fatalf("%v in %s", err, patch)
		}
		if len(meant.Cluster.InlineManifests) != 1 {
			t.Fatalf("%s: %d inline manifests in %s", cluster, len(meant.Cluster.InlineManifests), patch)
		}
		want := meant.Cluster.InlineManifests[0].Contents
		text := apply(t, c.config(t, machine.TypeControlPlane), patch)
		for range 2 { // a config is read and written again at each change
			manifests := load(t, text).Cluster().InlineManifests()
			if len(manifests) != 1 || manifests[0].Name() != "seed" || manifests[0].Contents() != want {
				t.Fatalf("%s: Talos has %d manifests, and not the text that seed wrote: %s", cluster, len(manifests), text)
			}
			text = apply(t, text)
		}
		decode(t, want)
	}
}

// decode reads every object strictly, as its own type, and misses none of those that a birth needs.
func decode(t *testing.T, manifest string) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, batchv1.AddToScheme, rbacv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	missing := map[string]bool{"Namespace": true, "ServiceAccount": true, "ClusterRoleBinding": true, "Role": true, "RoleBinding": true, "ConfigMap": true, "Job": true}
	for document := range strings.SplitSeq(manifest, "\n---\n") {
		_, kind, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			t.Errorf("%v in %s", err, document)
			continue
		}
		delete(missing, kind.Kind)
	}
	if len(missing) > 0 {
		t.Errorf("no object of %v in %s", missing, manifest)
	}
}

func TestThePatchTwiceIsADuplicate(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			patch := render(t, "tazlab", c.name)
			twice := apply(t, c.config(t, machine.TypeControlPlane), patch, patch)
			_, err := load(t, twice).Validate(mode{"metal", true, false})
			if err == nil || !strings.Contains(err.Error(), `inline manifest name "seed" is duplicate`) {
				t.Errorf("Talos says %v", err)
			}
		})
	}
}

// So a config that has the manifest is changed by removing it first: nothing is left of the old one.
func TestRemoved(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before, patch := c.config(t, machine.TypeControlPlane), render(t, "tazlab", c.name)
			once := apply(t, before, patch)
			if bytes.Equal(once, before) {
				t.Fatal("the patch changed nothing")
			}
			if after := apply(t, once, remove); !bytes.Equal(after, before) {
				t.Errorf("left behind:\n%s", after)
			}
			if again := apply(t, once, remove, patch); !bytes.Equal(again, once) {
				t.Errorf("removed and put in again:\n%s", again)
			}
		})
	}
}
