package follow

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/report"
)

// most bounds how many nodes or Events are read at once; a newborn cluster has fewer.
const most = 100

// look completes a finding with what the Pod itself does not say; nil is nothing to tell. What cannot be read leaves
// it as it is: a part of the truth is better than none.
func look(ctx context.Context, cluster client.Reader, f *finding) *finding {
	switch {
	case f.pod == nil:
		return f
	case f.class == Taint:
		var nodes corev1.NodeList
		if err := cluster.List(ctx, &nodes, client.Limit(most)); err != nil {
			return f
		}
		return f.atNodes(nodes.Items)
	default:
		var events corev1.EventList
		of := fields.Set{"involvedObject.uid": string(f.pod.UID), "type": corev1.EventTypeWarning}
		if err := cluster.List(ctx, &events, client.InNamespace(f.pod.Namespace), client.MatchingFieldsSelector{Selector: of.AsSelector()}, client.Limit(most)); err != nil {
			return nil
		}
		return f.inEvents(events.Items)
	}
}

// tolerate is the cure of a taint.
func tolerate(taint string) string {
	return "add a toleration for " + taint + " to the unit that brings Flux, or a node without it (Talos: cluster.allowSchedulingOnControlPlanes)"
}

// waiting are the taints that go when the node's network is there.
var waiting = []string{corev1.TaintNodeNotReady, corev1.TaintNodeNetworkUnavailable}

// atNodes names the taints. A node that only waits for its network is the one that Flux will run on; else somebody
// has to do something about a taint that stays.
func (f *finding) atNodes(nodes []corev1.Node) *finding {
	var all []string
	for _, node := range nodes {
		taints := untolerated(f.pod, &node)
		staying := slices.DeleteFunc(slices.Clone(taints), func(t corev1.Taint) bool { return slices.Contains(waiting, t.Key) })
		if len(taints) > 0 && len(staying) == 0 {
			return notReady(&node)
		}
		for _, t := range staying {
			all = append(all, t.Key+":"+string(t.Effect))
		}
	}
	if len(all) == 0 {
		return nil // the taints have gone since the scheduler looked
	}
	slices.Sort(all)
	taints := strings.Join(slices.Compact(all), ", ")
	cure := tolerate(taints)
	if strings.Contains(taints, "node.cloudprovider.kubernetes.io/uninitialized") {
		cure = "the cloud controller manager has to take node.cloudprovider.kubernetes.io/uninitialized away, so it has to come before Flux or without it; or " + cure
	}
	return &finding{class: Taint, why: f.why + " (" + taints + ")", cure: cure}
}

// untolerated are node's taints that keep pod away.
func untolerated(pod *corev1.Pod, node *corev1.Node) []corev1.Taint {
	return slices.DeleteFunc(slices.Clone(node.Spec.Taints), func(taint corev1.Taint) bool {
		return taint.Effect == corev1.TaintEffectPreferNoSchedule || slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool {
			return t.ToleratesTaint(logr.Discard(), &taint, true)
		})
	})
}

// notReady is the finding at a node that would take the Pod if it were ready.
func notReady(node *corev1.Node) *finding {
	why := []string{fmt.Sprintf("Node %s is not ready", node.Name)}
	network := slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeNetworkUnavailable })
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			why = append(why, report.Public(c.Message))
			network = network || strings.Contains(c.Message, "network")
		}
	}
	if network {
		return &finding{class: NoNetwork, why: strings.Join(why, ": "), cure: bringCNI}
	}
	return &finding{class: NodeNotReady, why: strings.Join(why, ": "), cure: "look at the node's kubelet (talosctl service kubelet, talosctl logs kubelet)"}
}

const bringCNI = "a CNI has to come before Flux: from Talos (cluster.network.cni) or from the tree, by a unit with seed.tazlab.net/plant"

// inEvents finds in a Pod's Events what keeps it from starting.
func (f *finding) inEvents(events []corev1.Event) *finding {
	slices.SortFunc(events, func(a, b corev1.Event) int {
		return cmp.Or(b.LastTimestamp.Compare(a.LastTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	for _, e := range events { // the newest first
		why := report.Public(e.Message)
		lower := strings.ToLower(why)
		switch {
		case e.Reason == "NetworkNotReady", e.Reason == "FailedCreatePodSandBox" && (strings.Contains(lower, "network") || strings.Contains(lower, "cni")):
			return &finding{class: NoNetwork, why: why, cure: bringCNI}
		case e.Reason == "FailedCreatePodSandBox" && strings.Contains(lower, "sandbox image"):
			return &finding{class: ImagePull, why: why, cure: pullCure(why)}
		case e.Reason == "FailedCreatePodSandBox":
			return &finding{class: Container, why: why, cure: "look at the node's container runtime (talosctl logs cri)"}
		case e.Reason == "FailedMount", e.Reason == "FailedAttachVolume":
			return &finding{class: Volume, why: why, cure: "what Flux' Pods mount has to be there before Flux: bring it in the unit that brings Flux, not by an operator that Flux brings"}
		}
	}
	return nil
}
