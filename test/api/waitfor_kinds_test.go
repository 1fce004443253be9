//go:build apiserver

package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/test/apiserver"
)

// catalogue is what an API server serves of its own.
type catalogue struct {
	groups map[string]bool
	// kinds are those that can be waited for, in all versions.
	kinds map[schema.GroupVersionResource]kinds.Resource
	// names are all their spellings.
	names map[string]bool
}

func catalogueOf(t *testing.T, config *rest.Config) catalogue {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	c := catalogue{map[string]bool{}, map[schema.GroupVersionResource]kinds.Resource{}, map[string]bool{}}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		// Other tests bring Flux' kinds and their own to this API server, none of them in a group of Kubernetes.
		if installed := strings.Contains(version.Group, ".") && !strings.HasSuffix(version.Group, ".k8s.io"); installed {
			continue
		}
		c.groups[version.Group] = true
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "/") || !slices.Contains(r.Verbs, "get") || !slices.Contains(r.Verbs, "watch") {
				continue
			}
			status := slices.ContainsFunc(list.APIResources, func(s metav1.APIResource) bool { return s.Name == r.Name+"/status" })
			resource := version.WithResource(r.Name)
			c.kinds[resource] = kinds.Resource{GroupVersionResource: resource, Kind: r.Kind, Namespaced: r.Namespaced, Status: status}
			for _, name := range append([]string{r.Name, r.SingularName, strings.ToLower(r.Kind)}, r.ShortNames...) {
				c.names[name] = true
			}
		}
	}
	return c
}

// kubectlMapper finds kinds as kubectl does.
func kubectlMapper(t *testing.T) meta.RESTMapper {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(admin)
	if err != nil {
		t.Fatal(err)
	}
	// Like kubectl's cache on disk, the struct hides that the client can ask for all groups at once: that loses their order.
	cached := memory.NewMemCacheClient(struct{ discovery.DiscoveryInterface }{client})
	return restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, nil)
}

// Whatever can be spelt, with each of Kubernetes' groups and without one, the table finds what kubectl's own code finds,
// and nothing where that finds nothing.
func TestWaitforKindsAreThoseOfKubectl(t *testing.T) {
	t.Parallel()
	kubectl, server := kubectlMapper(t), catalogueOf(t, admin)
	if len(server.kinds) < 50 || len(server.groups) < 20 {
		t.Fatalf("the API server shows %d kinds in %d groups only: this test proves nothing", len(server.kinds), len(server.groups))
	}
	for _, name := range kinds.Names() {
		server.names[name] = true
	}
	groups := slices.Collect(maps.Keys(server.groups)) // "", the core group, is any group for both
	found := 0
	for name := range server.names {
		for _, group := range groups {
			got, ok := kinds.Builtin(name, "", group)
			resource, err := kubectl.ResourceFor(schema.GroupVersionResource{Group: group, Resource: name})
			if err != nil && !meta.IsNoMatchError(err) {
				t.Fatal(err)
			}
			if want := server.kinds[resource]; ok != (err == nil) || got != want {
				t.Errorf("%q in %q: the table has %+v, kubectl finds %+v (%v)", name, group, got, want, err)
			}
			if ok {
				found++
			}
		}
	}
	if found < 200 {
		t.Errorf("%d spellings found only: this test proves nothing", found)
	}
}

// A version that the API server does not prefer, as autoscaling/v1, is there under the same names.
func TestWaitforKindsInAllStableVersions(t *testing.T) {
	t.Parallel()
	other := 0
	for resource, want := range catalogueOf(t, admin).kinds {
		if strings.Contains(resource.Version, "alpha") || strings.Contains(resource.Version, "beta") {
			continue
		}
		if got, ok := kinds.Builtin(want.Kind, resource.Version, resource.Group); !ok || got != want {
			t.Errorf("%v: the table has %+v, the API server %+v", resource, got, want)
		}
		if preferred, _ := kinds.Builtin(want.Kind, "", resource.Group); preferred != want {
			other++
		}
	}
	if other == 0 {
		t.Error("the API server serves no kind in two stable versions: this test proves nothing")
	}
}

// An API server with all that is alpha and beta serves no kind that OwnGroup would make a typo of.
func TestWaitforOwnGroupsHaveNoOtherKinds(t *testing.T) {
	t.Parallel()
	environment := &envtest.Environment{}
	environment.ControlPlane.GetAPIServer().Configure().Append("runtime-config", "api/all=true").
		Append("feature-gates", "AllAlpha=true,AllBeta=true")
	server := catalogueOf(t, apiserver.Start(t, environment))
	more := map[string]string{} // a kind that the table lacks, by group
	for resource, r := range server.kinds {
		if _, ok := kinds.Builtin(r.Kind, "", r.Group); !ok {
			more[resource.Group] = r.Kind
		}
	}
	if len(more) == 0 {
		t.Fatal("the API server serves no alpha or beta kind: this test proves nothing")
	}
	for group := range server.groups {
		if own := kinds.OwnGroup(group); own == (more[group] != "") {
			t.Errorf("OwnGroup(%q) is %t, a kind that the table lacks there: %q", group, own, more[group])
		}
	}
}
