package chart

import (
	"fmt"
	"reflect"
	"time"

	"github.com/mitchellh/copystructure"
	"helm.sh/helm/v4/pkg/chart/common"
)

// releases are the versions between which those of a cluster are. No supported Flux runs on an older Kubernetes, or has an older Helm.
type releases struct{ kubernetes, helm string }

var (
	oldest = releases{"v1.25.0", "v3.9.0"}
	newest = releases{"v1.99.0", "v4.99.0"}
)

// cluster answers what templates ask the cluster and the clock, in one of two ways that have nothing in common.
type cluster struct {
	releases
	serves bool
	now    time.Time
	// asked is what was asked, in words.
	asked map[string]bool
	// open is the last question that has more than two answers.
	open string
	// listed says that a template had the list of what is served.
	listed bool
}

// kubernetesVersion is a question with more than two answers that matter: a template may ask for a range.
const kubernetesVersion = "the version of Kubernetes"

// between are clusters with the versions between the oldest and those that nobody has yet, and otherwise the same answers.
func (k *cluster) between() []*cluster {
	var all []*cluster
	for minor := 26; minor <= 45; minor++ {
		version := releases{fmt.Sprintf("v1.%d.0", minor), k.helm}
		all = append(all, &cluster{releases: version, serves: k.serves, now: k.now, asked: k.asked})
	}
	return all
}

// capabilities stand in for Helm's .Capabilities: where that has fields there are methods, which templates call without
// knowing it, so that is noted who asks.
type capabilities cluster

// KubeVersion is the version of Kubernetes.
func (c *capabilities) KubeVersion() (*common.KubeVersion, error) {
	c.asked[kubernetesVersion] = true
	return common.ParseKubeVersion(c.kubernetes)
}

// APIVersions are what the API server serves.
func (c *capabilities) APIVersions() *versions {
	c.listed = true
	return (*versions)(c)
}

// HelmVersion is helm-controller's.
func (c *capabilities) HelmVersion() any {
	c.asked["the version of Helm"] = true
	version := common.DefaultCapabilities.HelmVersion
	version.Version = c.helm
	return version
}

// versions stand in for Helm's .Capabilities.APIVersions. A template that takes them for the list that Helm has fails.
type versions cluster

// Has tells whether a version or kind is served.
func (v *versions) Has(name string) bool {
	v.asked["the API "+name] = true
	return v.serves
}

// String is what a template gets that makes a text of the list.
func (v *versions) String() string {
	v.open = "the list of APIs that are served"
	return ""
}

// A template's deepCopy must not make copies of them, where nobody sees what is asked.
func init() {
	copystructure.ShallowCopiers[reflect.TypeFor[*capabilities]()] = struct{}{}
	copystructure.ShallowCopiers[reflect.TypeFor[*versions]()] = struct{}{}
}
