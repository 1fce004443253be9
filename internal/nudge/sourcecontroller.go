package nudge

import (
	"context"
	"net/url"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/live"
)

// sourceController selects the Deployments of source-controller in Flux' own manifests.
const sourceController = "app.kubernetes.io/component=source-controller,app.kubernetes.io/part-of=flux"

// unfetched begins what kustomize-controller says when nothing answered.
// https://github.com/fluxcd/pkg/blob/http/fetch/v0.25.0/http/fetch/archive_fetcher.go
const unfetched = "failed to download archive: "

// waitsForSourceController tells of an artifact that could not be fetched for want of an answer. kustomize-controller
// then waits for the retry interval, which is the whole interval by default.
func waitsForSourceController(u *unit) bool {
	k, ok := u.Object.(*kustomizev1.Kustomization)
	return ok && u.failed.Reason == meta.ArtifactFailedReason && k.Spec.SourceRef.Kind != "ExternalArtifact" && strings.HasPrefix(u.failed.Message, unfetched)
}

// sourceControllerAvailable is the moment since which all Deployments of source-controller are available; and where its name
// could not be looked up, the cluster's DNS has endpoints.
func sourceControllerAvailable(_ context.Context, s *state, u *unit) cause {
	_, namespace := serviceIn(strings.TrimPrefix(u.failed.Message, unfetched))
	deployments, _ := s.want(live.Query{Kind: appsv1.SchemeGroupVersion.WithKind("Deployment"), Namespace: namespace, Labels: sourceController})
	c := cause{text: "source-controller is available"}
	for _, object := range deployments {
		d, ok := object.(*appsv1.Deployment)
		if !ok {
			return cause{}
		}
		available := availability(d)
		if available == nil || available.Status != corev1.ConditionTrue || d.Status.ObservedGeneration != d.Generation {
			return cause{}
		}
		c.id += string(d.UID) + " " + available.LastTransitionTime.String() + "\n"
		if available.LastTransitionTime.After(c.at) {
			c.at = available.LastTransitionTime.Time
		}
	}
	if c.id != "" && strings.Contains(u.failed.Message, "dial tcp: lookup ") {
		dns := s.endpoints("kube-dns", "kube-system") // every distribution calls it so, whatever it is
		if dns.id == "" {
			return cause{}
		}
		c.id, c.text = c.id+dns.id, c.text+", and so is DNS"
		if dns.at.After(c.at) {
			c.at, c.from = dns.at, dns.from
		}
	}
	return c
}

func availability(d *appsv1.Deployment) *appsv1.DeploymentCondition {
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == appsv1.DeploymentAvailable {
			return &d.Status.Conditions[i]
		}
	}
	return nil
}

// serviceIn is the Service that the first URL of message names; nothing if its host is none.
func serviceIn(message string) (name, namespace string) {
	for word := range strings.FieldsSeq(message) {
		u, err := url.Parse(strings.Trim(word, `":`))
		if err != nil || u.Host == "" {
			continue
		}
		if parts := strings.Split(u.Hostname(), "."); len(parts) > 2 && parts[2] == "svc" {
			return parts[0], parts[1]
		}
		return "", ""
	}
	return "", ""
}
