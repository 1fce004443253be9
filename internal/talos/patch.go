// Package talos knows Talos' machine configuration: the patch that brings an inline manifest, what a birth needs there, and how a
// cluster's tokens will be signed.
package talos

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
	"sigs.k8s.io/yaml"
)

const (
	// Name is that of the inline manifest in a machine config.
	Name = "seed"
	// Default is the release that is meant where none is named.
	Default = Version("v1.13")

	// oldest has KubePrism in the configs that it generates, as all since.
	oldest = Version("v1.6")
	// documents has a document of its own for each inline manifest. Before, they are a list in the one for the cluster.
	documents = Version("v1.14")
	// newest is the newest release whose sources were read for this package.
	newest = documents
)

// Version is a release of Talos without its patch level, such as "v1.13". It is a flag's value.
type Version string

// Set implements pflag.Value: it takes 1.13, v1.13, 1.13.9 and v1.14.0-rc.1.
func (v *Version) Set(text string) error {
	full := "v" + strings.TrimPrefix(text, "v")
	minor := Version(semver.MajorMinor(full))
	switch {
	case minor == "" || strings.Count(full, ".") == 0:
		return fmt.Errorf("%q is no version of Talos: write it as 1.13", text)
	case minor.before(oldest):
		return fmt.Errorf("talos %s is too old: seed needs KubePrism, which configs have from %s on", minor, oldest)
	case newest.before(minor):
		return fmt.Errorf("talos %s is newer than what this seed knows (up to %s): take a newer seed", minor, newest)
	}
	*v = minor
	return nil
}

// String implements pflag.Value.
func (v *Version) String() string { return strings.TrimPrefix(string(*v), "v") }

// Type implements pflag.Value.
func (*Version) Type() string { return "VERSION" }

func (v Version) before(other Version) bool { return semver.Compare(string(v), string(other)) < 0 }

// Versions are those that Set takes, the newest first, as people write them.
func Versions() []string {
	var all []string
	for minor := 14; minor >= 6; minor-- {
		all = append(all, fmt.Sprintf("1.%d", minor))
	}
	return all
}

// Patch wraps the YAML documents of an inline manifest as a patch of a control plane's machine config.
func Patch(v Version, manifests []byte) ([]byte, error) {
	if !v.before(documents) {
		return yaml.Marshal(map[string]string{"apiVersion": "v1alpha1", "kind": inlineManifest, "name": Name, "manifest": string(manifests)})
	}
	return yaml.Marshal(map[string]any{
		"cluster": map[string]any{"inlineManifests": []any{map[string]string{"name": Name, "contents": string(manifests)}}},
	})
}
