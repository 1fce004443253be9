package nudge

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Manager is the field manager of the annotation: that of "flux reconcile", whose request it is. Who takes Flux over later
// knows that name; one of seed's own would stay for ever.
const Manager = "flux"

// forceSync is what External Secrets Operator's documentation names: it syncs after any change of the annotations.
// https://github.com/external-secrets/external-secrets/blob/v0.20.4/docs/api/externalsecret.md
const forceSync = "force-sync"

const patience = 10 * time.Second // for one request to the API server

// request is the annotation that asks u's controller.
func (u *unit) request() string {
	if u.kind.Group == esv1.Group {
		return forceSync
	}
	return meta.ReconcileRequestAnnotation
}

// ask requests u's reconciliation, if u still is in the state that was judged: its controller may have begun by itself.
func (n *nudger) ask(ctx context.Context, u *unit) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": u.GetResourceVersion(),
		"annotations":     map[string]string{u.request(): n.now().Format(time.RFC3339Nano)},
	}})
	if err != nil {
		return err
	}
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: u.GetNamespace(), Name: u.GetName()}}
	object.SetGroupVersionKind(u.kind)
	if err := n.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(Manager)); err != nil {
		return fmt.Errorf("annotating it: %w", err)
	}
	return nil
}
