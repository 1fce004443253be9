package follow

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/report"
)

// refused finds a Pod, or a ReplicaSet, that the API server does not take: then there is none to look at.
func refused(d *appsv1.Deployment) *finding {
	for _, c := range d.Status.Conditions {
		noPod := c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue && c.Reason == "FailedCreate"
		noSet := c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == "ReplicaSetCreateError"
		if !noPod && !noSet {
			continue
		}
		f := &finding{class: Admission, why: report.Public(c.Message), patience: settled}
		switch {
		case strings.Contains(f.why, "violates PodSecurity"):
			f.cure = "change the namespace's label pod-security.kubernetes.io/enforce, or what the unit that brings Flux patches into the Pod"
		case strings.Contains(f.why, "status unknown for quota"): // until kube-controller-manager has counted for the first time
			f.cure, f.patience = "look at the ResourceQuota, and whether kube-controller-manager works", lasting
		case strings.Contains(f.why, "exceeded quota"):
			f.cure = "raise the ResourceQuota, or lower what the unit that brings Flux asks for"
		case strings.Contains(f.why, "failed calling webhook"): // who answers may only be starting
			f.cure, f.patience = "have the webhook leave Flux' namespace out (namespaceSelector), or bring what answers it before Flux", lasting
		case strings.Contains(f.why, "error looking up service account"):
			f.cure, f.patience = "bring the ServiceAccount in the unit that brings Flux", lasting
		default:
			f.cure = "look at who refuses it: an admission policy or a webhook has to let Flux' Pods in"
		}
		return f
	}
	return nil
}
