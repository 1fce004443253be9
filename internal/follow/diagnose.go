package follow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/report"
)

// running tells whether a controller is there for Flux to work.
func running(d *appsv1.Deployment) bool {
	c := deploymentCondition(d, appsv1.DeploymentAvailable)
	return c != nil && c.Status == corev1.ConditionTrue
}

// diagnose is what d's status, and that of its Pods, say is wrong; nil is nothing, or nothing yet.
func diagnose(d *appsv1.Deployment, pods []*corev1.Pod) *finding {
	if f := refused(d); f != nil {
		return f
	}
	pods = slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool {
		ready := podCondition(p, corev1.PodReady)
		return p.DeletionTimestamp != nil || ready != nil && ready.Status == corev1.ConditionTrue
	})
	if len(pods) == 0 {
		return nil
	}
	newest := slices.MaxFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	for _, look := range []func(*corev1.Pod) *finding{unscheduled, unpulled, unstarted, crashed, withoutSandbox} {
		if f := look(newest); f != nil {
			return f
		}
	}
	return nil
}

// unscheduled reads the scheduler's verdict. Of taints it says only that there are some: the nodes say which.
func unscheduled(pod *corev1.Pod) *finding {
	c := podCondition(pod, corev1.PodScheduled)
	if c == nil || c.Status != corev1.ConditionFalse || c.Reason != corev1.PodReasonUnschedulable {
		return nil
	}
	why, _, _ := strings.Cut(report.Public(c.Message), ". ") // what follows is about preemption
	f := &finding{why: strings.TrimSuffix(why, "."), patience: lasting}
	switch {
	case strings.Contains(why, "Insufficient "), strings.Contains(why, "Too many pods"): // said of a node whose taints it tolerates
		f.class, f.cure = NoRoom, "give the cluster a larger node or another one, or lower the requests in the unit that brings Flux"
	case strings.Contains(why, "taint"):
		f.class, f.cure, f.pod = Taint, tolerate("it"), pod
	default:
		f.class, f.cure = NoNode, "look at the nodes' labels and whether they are cordoned, and at nodeSelector and affinity in the unit that brings Flux"
	}
	return f
}

// cannotStart are the reasons for which a container waits that no waiting cures.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/kubelet/kuberuntime/kuberuntime_container.go
var cannotStart = []string{
	"CreateContainerConfigError", "PreCreateHookError", "CreateContainerError", "PreStartHookError", "PostStartHookError", "RunContainerError",
}

func unstarted(pod *corev1.Pod) *finding {
	for _, c := range containers(pod) {
		if c.State.Waiting == nil || !slices.Contains(cannotStart, c.State.Waiting.Reason) {
			continue
		}
		return &finding{
			class: Container, why: report.Public(fmt.Sprintf("container %s: %s: %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message)),
			cure: "mend what the message names, in the unit that brings Flux", patience: lasting,
		}
	}
	return nil
}

// crashed finds a container that ended, whether it waits for its next start or has begun it.
func crashed(pod *corev1.Pod) *finding {
	for _, c := range containers(pod) {
		end := c.State.Terminated
		if end == nil {
			end = c.LastTerminationState.Terminated
		}
		looping := c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
		if c.Ready || end == nil || end.ExitCode == 0 && !looping {
			continue
		}
		f := &finding{class: Crash, patience: lasting, cure: "read what it said last (kubectl logs --previous, or talosctl logs -k with the " +
			"name that talosctl containers -k shows); it cannot reach the API server before a CNI and kube-proxy, or what replaces that, work"}
		if end.Reason == "OOMKilled" {
			f.cure = "raise its memory limit in the unit that brings Flux"
		}
		f.why = fmt.Sprintf("container %s of Pod %s ended with exit code %d (%s), restarts: %d", c.Name, pod.Name, end.ExitCode, end.Reason, c.RestartCount)
		if end.Message != "" {
			f.why = report.Public(f.why + ": " + end.Message)
		}
		return f
	}
	return nil
}

// withoutSandbox finds a Pod that has a node, and there no network of its own yet. Why is known to its Events only.
func withoutSandbox(pod *corev1.Pod) *finding {
	c := podCondition(pod, corev1.PodReadyToStartContainers)
	if c == nil || c.Status != corev1.ConditionFalse {
		return nil
	}
	return &finding{class: NoNetwork, patience: lasting, pod: pod}
}

func containers(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	at := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if at < 0 {
		return nil
	}
	return &pod.Status.Conditions[at]
}

func deploymentCondition(d *appsv1.Deployment, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	at := slices.IndexFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Type == kind })
	if at < 0 {
		return nil
	}
	return &d.Status.Conditions[at]
}
