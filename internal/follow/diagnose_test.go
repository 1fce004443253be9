package follow

import (
	"context"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// untoleratedTaints is the scheduler's whole message, as of v1.36: of the taints it says no more.
const untoleratedTaints = "0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, " +
	"preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."

const (
	controlPlane = `{metadata: {name: cp1}, spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]}}`
	noNetwork    = `{metadata: {name: NAME}, spec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoSchedule}, {key: node.kubernetes.io/not-ready, effect: NoExecute, timeAdded: "2026-11-21T08:00:00Z"}]},
	  status: {conditions: [{type: Ready, status: "False", reason: KubeletNotReady, message: "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"}]}}`
	worker = `{metadata: {name: w1}}`
)

// A case's Deployment and Pod hold the status that the controllers, the scheduler and the kubelet of Kubernetes v1.36 write.
var cases = []struct {
	name                       string
	deployment, pod            string
	nodes, events              []string
	class                      Class // "" is no trouble
	patience                   time.Duration
	why, cure, notInWhyAndCure string
}{
	{name: "nothing is there yet"},
	{
		name: "the Pod is being started",
		pod: `{status: {phase: Pending, conditions: [{type: PodScheduled, status: "True"}, {type: PodReadyToStartContainers, status: "True"}, {type: Ready, status: "False", reason: ContainersNotReady}],
		  containerStatuses: [{name: manager, ready: false, state: {waiting: {reason: ContainerCreating}}}]}}`,
	},
	{
		name: "the container runs and is not ready yet",
		pod:  `{status: {phase: Running, conditions: [{type: Ready, status: "False"}], containerStatuses: [{name: manager, ready: false, started: true, state: {running: {startedAt: "2026-11-21T08:00:00Z"}}}]}}`,
	},
	{
		name: "the control plane's taint", pod: unschedulable(untoleratedTaints), nodes: []string{controlPlane},
		class: Taint, patience: lasting, why: "0/1 nodes are available: 1 node(s) had untolerated taint(s) (node-role.kubernetes.io/control-plane:NoSchedule)",
		cure: "add a toleration for node-role.kubernetes.io/control-plane:NoSchedule to the unit that brings Flux", notInWhyAndCure: "reemption",
	},
	{
		name: "the control plane's taint, and no network: the taint stays", pod: unschedulable(untoleratedTaints), nodes: []string{
			`{metadata: {name: cp1}, spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}, {key: node.kubernetes.io/not-ready, effect: NoSchedule}]}}`,
		},
		class: Taint, patience: lasting, why: "node-role.kubernetes.io/control-plane:NoSchedule", cure: "toleration", notInWhyAndCure: "not-ready",
	},
	{
		name: "the control plane's taint, and a worker without a network: the worker will take it", pod: unschedulable(untoleratedTaints),
		nodes: []string{controlPlane, strings.Replace(noNetwork, "NAME", "w1", 1)},
		class: NoNetwork, patience: lasting, why: "Node w1 is not ready: container runtime network not ready", cure: "a CNI has to come before Flux",
	},
	{
		name: "a node that is not ready for another reason", pod: unschedulable(untoleratedTaints), nodes: []string{
			`{metadata: {name: cp1}, spec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoSchedule}]}, status: {conditions: [{type: Ready, status: "False", reason: KubeletNotReady, message: "PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s"}]}}`,
		},
		class: NodeNotReady, patience: lasting, why: "Node cp1 is not ready: PLEG is not healthy", cure: "talosctl",
	},
	{
		name: "the cloud's taint", pod: unschedulable(untoleratedTaints), nodes: []string{
			`{metadata: {name: cp1}, spec: {taints: [{key: node.cloudprovider.kubernetes.io/uninitialized, value: "true", effect: NoSchedule}]}}`,
		},
		class: Taint, patience: lasting, why: "uninitialized:NoSchedule", cure: "the cloud controller manager",
	},
	{name: "the taints have gone since", pod: unschedulable(untoleratedTaints), nodes: []string{worker}},
	{
		name: "a taint that the Pod tolerates is none", nodes: []string{controlPlane},
		pod: strings.Replace(unschedulable(untoleratedTaints), "{status", "{spec: {tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]}, status", 1),
	},
	{
		name:  "no room on the node that would take it",
		pod:   unschedulable("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."),
		class: NoRoom, patience: lasting, why: "1 Insufficient cpu", cure: "lower the requests", notInWhyAndCure: "reemption",
	},
	{
		name:  "a node selector",
		pod:   unschedulable("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."),
		class: NoNode, patience: lasting, why: "affinity/selector", cure: "labels",
	},
	{name: "no node", pod: unschedulable("no nodes available to schedule pods"), class: NoNode, patience: lasting, why: "no nodes available"},
	{
		name: "no network for the Pod", pod: `{metadata: {namespace: flux-system, uid: u1}, status: {phase: Pending, conditions: [{type: PodScheduled, status: "True"}, {type: PodReadyToStartContainers, status: "False"}]}}`,
		events: []string{
			`{reason: FailedMount, type: Warning, lastTimestamp: "2026-11-21T08:00:00Z", message: 'MountVolume.SetUp failed for volume "kube-api-access-x" : configmap "kube-root-ca.crt" not found'}`,
			`{reason: FailedCreatePodSandBox, type: Warning, lastTimestamp: "2026-11-21T08:00:09Z", message: 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "0b1c": plugin type="cilium-cni" failed (add): unable to connect to Cilium agent'}`,
		},
		class: NoNetwork, patience: lasting, why: "failed to setup network for sandbox", cure: "a CNI has to come before Flux",
	},
	{
		name: "the kubelet waits for the network", pod: sandboxless,
		events: []string{`{reason: NetworkNotReady, type: Warning, message: "network is not ready: container runtime network not ready: NetworkReady=false"}`},
		class:  NoNetwork, patience: lasting, why: "network is not ready", cure: "a CNI",
	},
	{name: "a sandbox takes its time", pod: sandboxless},
	{
		name: "the sandbox's own image", pod: sandboxless,
		events: []string{`{reason: FailedCreatePodSandBox, type: Warning, message: 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.10": failed to pull image: dial tcp 10.0.0.1:443: i/o timeout'}`},
		class:  ImagePull, patience: lasting, why: "pause:3.10", cure: "route, firewall, proxy",
	},
	{
		name: "a Secret that it mounts is not there", pod: sandboxless,
		events: []string{`{reason: FailedMount, type: Warning, message: 'MountVolume.SetUp failed for volume "ca" : secret "registry-ca" not found'}`},
		class:  Volume, patience: lasting, why: `secret "registry-ca" not found`, cure: "before Flux",
	},
	{
		name: "the first error of a pull", pod: waits("ErrImagePull", `failed to pull and unpack image "ghcr.io/fluxcd/source-controller:v9": failed to resolve reference "ghcr.io/fluxcd/source-controller:v9": ghcr.io/fluxcd/source-controller:v9: not found`),
		class: ImagePull, patience: lasting, why: "v9: not found", cure: "no such image there",
	},
	{
		name: "an image that is not there", pod: waits("ImagePullBackOff", `Back-off pulling image "ghcr.io/fluxcd/source-controller:v9": ErrImagePull: failed to pull and unpack image "ghcr.io/fluxcd/source-controller:v9": failed to resolve reference "ghcr.io/fluxcd/source-controller:v9": ghcr.io/fluxcd/source-controller:v9: not found`),
		class: ImagePull, patience: settled, why: "v9: not found", cure: "no such image there",
	},
	{
		name: "a registry that wants a login", pod: waits("ImagePullBackOff", `Back-off pulling image "r.example/f:v1": ErrImagePull: failed to pull and unpack image "r.example/f:v1": failed to resolve reference "r.example/f:v1": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://r.example/token?scope=repository%3Af%3Apull&service=r.example: 401 Unauthorized`),
		class: ImagePull, patience: settled, why: "https://r.example/token: 401 Unauthorized", cure: "RegistryAuthConfig", notInWhyAndCure: "scope=",
	},
	{
		name: "a registry with a private authority", pod: waits("ImagePullBackOff", `Back-off pulling image "r.example/f:v1": ErrImagePull: failed to do request: Head "https://r.example/v2/f/manifests/v1": tls: failed to verify certificate: x509: certificate signed by unknown authority`),
		class: ImagePull, patience: settled, why: "x509", cure: "TrustedRootsConfig",
	},
	{
		name: "a registry that nobody knows", pod: waits("ImagePullBackOff", `Back-off pulling image "r.example/f:v1": ErrImagePull: failed to do request: Head "https://r.example/v2/f/manifests/v1": dial tcp: lookup r.example on 10.0.0.2:53: no such host`),
		class: ImagePull, patience: settled, why: "no such host", cure: "name servers",
	},
	{name: "a kubelet that says nothing", pod: waits("InvalidImageName", ""), class: ImagePull, patience: settled, why: "InvalidImageName of r.example/f:v1", cure: "image's name"},
	{
		name:  "a container that cannot be made",
		pod:   waits("CreateContainerConfigError", `secret "proxy" not found`),
		class: Container, patience: lasting, why: `container manager: CreateContainerConfigError: secret "proxy" not found`, cure: "mend",
	},
	{
		name: "a crash", pod: `{metadata: {name: sc-1}, status: {phase: Running, containerStatuses: [{name: manager, ready: false, restartCount: 3,
		  state: {waiting: {reason: CrashLoopBackOff, message: "back-off 40s restarting failed container=manager pod=sc-1_flux-system(u1)"}},
		  lastState: {terminated: {exitCode: 1, reason: Error, message: "unable to start manager:\nproxy http://me:hunter2@proxy.example refused"}}}]}}`,
		class: Crash, patience: lasting, why: "container manager of Pod sc-1 ended with exit code 1 (Error), restarts: 3: unable to start manager: proxy http://proxy.example refused",
		cure: "kubectl logs --previous", notInWhyAndCure: "hunter2",
	},
	{
		name:  "a crash, and the next start",
		pod:   `{status: {containerStatuses: [{name: manager, ready: false, restartCount: 1, state: {running: {}}, lastState: {terminated: {exitCode: 2, reason: Error}}}]}}`,
		class: Crash, patience: lasting, why: "exit code 2",
	},
	{
		name:  "too little memory",
		pod:   `{status: {containerStatuses: [{name: manager, ready: false, restartCount: 1, state: {terminated: {exitCode: 137, reason: OOMKilled}}}]}}`,
		class: Crash, patience: lasting, why: "exit code 137 (OOMKilled)", cure: "memory limit",
	},
	{name: "an init container that has done its work", pod: `{status: {initContainerStatuses: [{name: init, ready: true, state: {terminated: {exitCode: 0, reason: Completed}}}]}}`},
	{name: "a Pod on its way out", pod: `{metadata: {deletionTimestamp: "2026-11-21T08:00:00Z"}, ` + unschedulable(untoleratedTaints)[1:], nodes: []string{controlPlane}},
	{name: "a Pod that is ready", pod: `{status: {conditions: [{type: Ready, status: "True"}], containerStatuses: [{name: manager, ready: false, lastState: {terminated: {exitCode: 1}}}]}}`},
	{
		name: "Pod Security", deployment: noPod(`pods "source-controller-6c9-x2x4z" is forbidden: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)`),
		class: Admission, patience: settled, why: "violates PodSecurity", cure: "pod-security.kubernetes.io/enforce",
	},
	{
		name: "a quota", deployment: noPod(`pods "source-controller-6c9-x2x4z" is forbidden: exceeded quota: critical-pods-flux-system, requested: pods=1, used: pods=0, limited: pods=0`),
		class: Admission, patience: settled, why: "exceeded quota", cure: "raise the ResourceQuota",
	},
	{
		name: "a quota that nobody has counted yet", deployment: noPod(`pods "source-controller-6c9-x2x4z" is forbidden: status unknown for quota: critical-pods-flux-system, resources: pods`),
		class: Admission, patience: lasting, why: "status unknown", cure: "kube-controller-manager",
	},
	{
		name: "a webhook that does not answer", deployment: noPod(`Internal error occurred: failed calling webhook "validate.example": failed to call webhook: Post "https://hook.example.svc:443/validate?timeout=10s": no endpoints available for service "hook"`),
		class: Admission, patience: lasting, why: "failed calling webhook", cure: "namespaceSelector",
	},
	{
		name:       "no ReplicaSet",
		deployment: `{status: {conditions: [{type: Progressing, status: "False", reason: ReplicaSetCreateError, message: 'Failed to create new replica set "source-controller-6c9": admission webhook "x.example" denied the request: no'}]}}`,
		class:      Admission, patience: settled, why: "denied the request", cure: "has to let Flux' Pods in",
	},
	{name: "Pods that cannot be deleted", deployment: `{status: {conditions: [{type: ReplicaFailure, status: "True", reason: FailedDelete, message: "forbidden"}]}}`},
}

const sandboxless = `{metadata: {namespace: flux-system, uid: u1}, status: {phase: Pending, conditions: [{type: PodReadyToStartContainers, status: "False"}]}}`

func unschedulable(message string) string {
	return `{status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: "` + message + `"}]}}`
}

func waits(reason, message string) string {
	return `{status: {phase: Pending, conditions: [{type: PodReadyToStartContainers, status: "True"}], containerStatuses: [{name: manager, image: "r.example/f:v1", ready: false, state: {waiting: {reason: ` + reason + `, message: '` + message + `'}}}]}}`
}

func noPod(message string) string {
	return `{status: {conditions: [{type: Available, status: "False", reason: MinimumReplicasUnavailable}, {type: ReplicaFailure, status: "True", reason: FailedCreate, message: '` + message + `'}]}}`
}

func TestDiagnosis(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var pods []*corev1.Pod
			if c.pod != "" {
				pods = append(pods, read[corev1.Pod](t, c.pod))
			}
			f := diagnose(read[appsv1.Deployment](t, c.deployment), pods)
			if f != nil {
				patience := f.patience
				f = look(t.Context(), lists{nodes: readAll[corev1.Node](t, c.nodes), events: readAll[corev1.Event](t, c.events)}, f)
				if f != nil && patience != c.patience {
					t.Errorf("told after %s, want %s", patience, c.patience)
				}
			}
			switch {
			case f == nil && c.class == "":
			case f == nil || c.class == "":
				t.Errorf("found %+v, want class %q", f, c.class)
			case f.class != c.class || !strings.Contains(f.why, c.why) || !strings.Contains(f.cure, c.cure):
				t.Errorf("found %+v, want %q, %q, %q", f, c.class, c.why, c.cure)
			case c.notInWhyAndCure != "" && strings.Contains(f.why+f.cure, c.notInWhyAndCure):
				t.Errorf("found %+v, want no %q in it", f, c.notInWhyAndCure)
			}
		})
	}
}

// lists is a cluster with nodes, and with Events of one Pod.
type lists struct {
	client.Reader
	nodes  []corev1.Node
	events []corev1.Event
}

func (l lists) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	switch list := list.(type) {
	case *corev1.NodeList:
		list.Items = l.nodes
	case *corev1.EventList:
		list.Items = l.events
	}
	return nil
}

func read[T any](t *testing.T, text string) *T {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), object); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}

func readAll[T any](t *testing.T, texts []string) []T {
	t.Helper()
	var all []T
	for _, text := range texts {
		all = append(all, *read[T](t, text))
	}
	return all
}
