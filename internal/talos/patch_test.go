package talos_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/talos"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1.6": "1.6", "v1.13": "1.13", "1.13.9": "1.13", "1.14.0-rc.1": "1.14", "v1.14.1": "1.14",
		"1.5": "too old", "0.14": "too old", "1.15": "newer than what this seed knows (up to v1.14)", "2.0": "newer",
		"": "is no version", "1": "is no version", "vv1.13": "is no version", "1.13.x": "is no version", "latest": "is no version", "1.013": "is no version",
	} {
		v := talos.Default
		err := v.Set(text)
		if got := v.String(); err == nil && got != want || err != nil && (!strings.Contains(err.Error(), want) || v != talos.Default) {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range talos.Versions() {
		v := talos.Default
		if err := v.Set(text); err != nil || v.String() != text {
			t.Errorf("%s of those that are offered is %s, %v", text, v.String(), err)
		}
	}
}

func TestPatch(t *testing.T) {
	t.Parallel()
	// With what YAML could read otherwise, and documents in a text in a document.
	const manifests = "apiVersion: v1\nkind: Secret\nstringData:\n  a: \"\\ttab \\u00fc # no comment\"\n  b: |\n    x\n    ---\n    y\n---\nkind: Job\n"
	for version, wrapped := range map[string]func([]byte) (string, error){
		"1.13": func(patch []byte) (string, error) {
			var p struct {
				Cluster struct {
					InlineManifests []struct{ Name, Contents string } `json:"inlineManifests"`
				} `json:"cluster"`
			}
			err := yaml.UnmarshalStrict(patch, &p)
			return p.Cluster.InlineManifests[0].Name + ":" + p.Cluster.InlineManifests[0].Contents, err
		},
		"1.14": func(patch []byte) (string, error) {
			var p map[string]string
			err := yaml.UnmarshalStrict(patch, &p)
			if p["apiVersion"] != "v1alpha1" || p["kind"] != "KubeInlineManifestConfig" || len(p) != 4 {
				t.Errorf("the document is %v", p)
			}
			return p["name"] + ":" + p["manifest"], err
		},
	} {
		v := talos.Default
		if err := v.Set(version); err != nil {
			t.Fatal(err)
		}
		patch, err := talos.Patch(v, []byte(manifests))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := wrapped(patch); err != nil || got != "seed:"+manifests {
			t.Errorf("%s: %v\n%s", version, err, patch)
		}
		if !strings.Contains(string(patch), ": |\n") {
			t.Errorf("%s: what a person cannot read:\n%s", version, patch)
		}
	}
}
