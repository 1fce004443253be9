// Package chart fills in a chart that is a folder of the repository, with Helm's own code, as source-controller and helm-controller
// do.
package chart

import (
	"crypto/sha256"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Release is a chart, and how helm-controller installs it.
type Release struct {
	// Chart is the folder of the chart, or its archive, in the repository.
	Chart string
	// Name and Namespace are those of the Helm release.
	Name, Namespace string
	// Values go over those of the chart.
	Values map[string]any
	// ValuesFiles, if there are any, take the place of the chart's values.yaml: files of the repository, of which later ones win.
	ValuesFiles []string
	// IgnoreMissing leaves out ValuesFiles that are not there.
	IgnoreMissing bool
	// SkipCRDs leaves out the chart's folder crds, SkipHooks its hooks, and SkipSchema takes values that do not fit its schema.
	SkipCRDs, SkipHooks, SkipSchema bool
}

// Object is one that the first installation of a release makes.
type Object struct {
	*unstructured.Unstructured
	// File is the template, or the file of the folder crds, in the repository. There is none of that name if it is in an archive.
	File string
	// Hook says that Helm makes it before or after all others (https://helm.sh/docs/topics/charts_hooks/).
	Hook bool
	// Definition says that it is of the folder crds: Helm makes it before it looks at the others, if it is not there, and never
	// removes it.
	Definition bool
}

// Varies stands in an object for a text or number that is another one each time: of a random value, or of the time.
const Varies = "${varies}"

// Unknown is the error of a chart of which nobody can tell here what it makes; it says why.
type Unknown string

// Error is the reason.
func (u Unknown) Error() string { return string(u) }

// Missing is the error of a chart that needs what is not in the repository: its folder, a dependency's, or a values file.
type Missing struct{ Path string }

// Error says what is missing.
func (m Missing) Error() string { return m.Path + " is not in the repository" }

// Shorten makes the name of a release as short as Helm wants it.
// https://github.com/fluxcd/helm-controller/blob/v1.6.2/internal/release/name.go
func Shorten(name string) string {
	const longest, hash = 53, 12
	if len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%s-%x", name[:longest-hash-1], sum[:hash/2])
}
