// Package birth is the flow: claim, fetch, build, apply, follow. It is the only package that knows the
// order. Every step can be repeated, so a crash or an error anywhere is answered by starting over.
package birth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/fetch"
	"github.com/tazlab/seed/internal/lease"
	"github.com/tazlab/seed/internal/notify"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

// Birth brings one cluster to life. Fill the fields, then call Run; Plant and Follow are its two long parts.
type Birth struct {
	Bundle *bundle.Bundle
	// Set is that of the inline manifest; without one seed is run by hand: it asks for no Lease and lets nothing go.
	Set set.Set
	// Lease lets one run at a time work; a run of a Set needs it.
	Lease   *lease.Lock
	Cluster cluster.Client
	// Vault is the HTTP client for vaults, see claim.HTTPClient.
	Vault *http.Client
	// Mirrors are where OCI artifacts are fetched from instead of their registries; may be empty.
	Mirrors fetch.Mirrors
	// Config is the ConfigMap from which Bundle was read, and ConfigData what it held; without a name it is not
	// looked at again.
	Config     types.NamespacedName
	ConfigData map[string]string
	// TokenDir is the folder of the Pod's tokens for vaults, see claim.TokenFile.
	TokenDir string
	// WorkDir is an existing folder for the files of sources; in the cluster it is a tmpfs.
	WorkDir string
	// Until are what has to be Ready for the birth to end; none is all of the tree. Deadline is how long that may take once
	// Flux is planted; 0 is as long as it takes. See Following.
	Until    []Goal
	Deadline time.Duration
	Log      *slog.Logger
	// Event tells the cluster's people what seed cannot get over by itself; reason is CamelCase.
	Event func(ctx context.Context, reason, message string)
	// Waiting tells, where the Pod's state is looked at, what seed waits for; nil tells nobody.
	Waiting func(message string)
	// EventsAddr is where notification-controller is told how the birth went; empty tells nobody.
	EventsAddr notify.Address
	// Report takes the timeline.
	Report *report.Report
	// Pause waits between tries; nil means the function Pause.
	Pause func(ctx context.Context, try int, err error) error

	planted bool            // something of this timeline is a birth
	inputs  *cluster.Inputs // what the last try read
	applied map[types.NamespacedName]*applied
	refused bool              // the last try's credential was refused by who it is for
	told    map[string]string // the last Event's message, by reason
	blocked int               // tries in a row that were blocked
	woken   time.Time         // when a changed input ended the last pause
}

// Plant plants Flux unless it is there already, and tries until that is done. It tells whether it planted. Only
// an invalid bundle, a bundle that changed, or the end of ctx is an error.
func (b *Birth) Plant(ctx context.Context) (planted bool, err error) {
	err = b.retry(ctx, func() error {
		there, err := b.there(ctx)
		if err != nil || there {
			return err
		}
		if err := b.plant(ctx); err != nil {
			return err
		}
		b.planted = true
		return nil
	})
	return b.planted, err
}

// there tells whether Flux reconciles the root already, or is somebody else's to manage.
func (b *Birth) there(ctx context.Context) (bool, error) {
	root := client.ObjectKeyFromObject(b.Bundle.Root)
	adopted, err := b.adopted(ctx, root)
	if err != nil {
		return false, err
	}
	if adopted {
		b.Log.Info("Flux reconciles the tree already: nothing to plant", "kustomization", root)
		return true, b.refresh(ctx)
	}
	if len(b.applied) > 0 {
		return false, nil // what is there is what this very process has begun
	}
	manager, err := b.manager(ctx)
	if err != nil || manager == "" {
		return false, err
	}
	b.Log.Warn("Flux is managed by somebody else: seed applies nothing and follows", "manager", manager, "kustomization", root)
	b.event(ctx, "FluxIsManaged", fmt.Sprintf("Flux is managed by %s: seed applies nothing and follows Kustomization %s, which that one has to bring", manager, root))
	return true, nil
}

// adopted tells whether Flux has applied the Kustomization at least once: from then on it is Flux's.
// Absent is only what the API server says is absent.
func (b *Birth) adopted(ctx context.Context, key types.NamespacedName) (bool, error) {
	var live kustomizev1.Kustomization
	err := b.Cluster.Get(ctx, key, &live)
	if apierrors.IsNotFound(err) || apimeta.IsNoMatchError(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking whether Flux reconciles Kustomization %s: %w", key, err)
	}
	if live.DeletionTimestamp != nil {
		return false, fmt.Errorf("Kustomization %s is being deleted, and seed waits until it is gone (its finalizers %q must be removed by hand if no kustomize-controller runs)", key, live.Finalizers)
	}
	return live.Status.LastAppliedRevision != "", nil
}

// plant is one try at everything up to Flux and the root sync being in the cluster.
func (b *Birth) plant(ctx context.Context) error {
	go build.Warm() // while the network is waited for
	b.inputs = cluster.NewInputs(b.Cluster)
	if err := b.leftovers(ctx); err != nil {
		return err
	}
	claimer := claim.New(b.inputs, b.Vault)
	claimer.TokenDir = b.TokenDir
	claimer.Set = b.Set
	defer func() {
		// The tokens are revoked also when ctx has ended; they die by themselves if that fails.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if closeErr := claimer.Close(ctx); closeErr != nil {
			b.Log.Warn("the vault's token could not be revoked; it expires by itself", "error", closeErr)
		}
	}()
	// What Git refused may have been renewed at the vault since: the next try asks again.
	claimer.Renew = b.refused
	p := &planting{Birth: b, claimer: claimer, trees: map[string]string{}, revisions: map[string]string{}}
	if err := p.start(ctx); err != nil {
		return err
	}
	return p.apply(ctx)
}

// step runs one step and records it.
func (b *Birth) step(name string, do func() (report.State, string, error)) error {
	start := time.Now()
	state, detail, err := do()
	if err != nil {
		state, detail = failed(err), err.Error()
	}
	b.Report.Add(name, start, state, detail)
	b.Log.Info(name, "state", state, "took", time.Since(start).Round(time.Millisecond), "detail", detail)
	return err
}
