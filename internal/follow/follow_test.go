package follow

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

// unserved is a cluster where whatever is asked for ends with err.
type unserved struct {
	client.WithWatch
	err error
}

func (u unserved) Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	_ = kustomizev1.AddToScheme(scheme)
	return scheme
}

func (u unserved) List(context.Context, client.ObjectList, ...client.ListOption) error { return u.err }

func (u unserved) Watch(context.Context, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
	return nil, u.err
}

// What cannot be followed yet is said once, and waited for.
func TestKindThatIsNotServedIsNamed(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"does not serve Kustomizations yet": &apimeta.NoKindMatchError{
			GroupKind: schema.GroupKind{Group: kustomizev1.GroupVersion.Group, Kind: kustomizev1.KustomizationKind}, SearchedVersions: []string{"v1"},
		},
		"cannot be read, and it is tried again: watching Kustomization: out of reach": errors.New("out of reach"),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		log := slog.New(slog.DiscardHandler)
		cache := live.New(ctx, unserved{err: err}, log)
		var told []Unit
		root := types.NamespacedName{Namespace: "flux-system", Name: "root"}
		tree := Tree{Cache: cache, Roots: []types.NamespacedName{root}, Log: log, Changed: func(all, changed []Unit) bool {
			told = append(told, changed...)
			cancel()
			return false
		}}
		treeErr := tree.Follow(ctx)
		if len(told) != 1 || told[0].Key() != root || told[0].Ready || !strings.Contains(told[0].Reason, want) {
			t.Errorf("told %+v, want %q", told, want)
		}
		if !errors.Is(treeErr, context.Canceled) {
			t.Errorf("Tree: %v", treeErr)
		}
		cancel()
		cache.Wait()
	}
}
