package manifests

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/set"
)

const (
	// ExitInvalid is seed's exit code for an invalid bundle: it ends the Job for good, and so does ExitDeadline alone.
	ExitInvalid = 3
	// ExitDeadline is seed's exit code for a goal that did not stand at its deadline.
	ExitDeadline = 4
	// tries is how many Pods may fail before the Job does. seed tries again by itself, so few are ever needed.
	tries = 1000
	// afterwards is how long a Job that has ended stays, in seconds. Then whatever brings the set's rights back brings
	// the Job back too, which takes them away again.
	afterwards = 300
	// controlPlane is the label of its nodes (https://kubernetes.io/docs/reference/labels-annotations-taints/).
	controlPlane = "node-role.kubernetes.io/control-plane"
	// user is who the container runs as: nobody that the node knows.
	user = int64(65532)
)

// job runs seed until it succeeds. seed tries again by itself; a Pod that dies is replaced, and one that the node or the
// scheduler takes away does not count.
func (p parts) job(s set.Set) *batchv1.Job {
	return &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: batchv1.SchemeGroupVersion.String(), Kind: "Job"},
		ObjectMeta: own(s),
		Spec: batchv1.JobSpec{
			BackoffLimit:            new(int32(tries)),
			TTLSecondsAfterFinished: new(int32(afterwards)),
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
				Action: batchv1.PodFailurePolicyActionFailJob,
				OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
					ContainerName: new(name), Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{ExitInvalid, ExitDeadline},
				},
			}, {
				Action:          batchv1.PodFailurePolicyActionIgnore,
				OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}},
			}}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: s.Labels()}, Spec: p.pod(s)},
		},
	}
}

// pod needs nothing that a newborn control plane does not have: host network, node DNS, any taint tolerated, no volume
// that outlives it.
func (p parts) pod(s set.Set) corev1.PodSpec {
	spec := corev1.PodSpec{
		ServiceAccountName: set.ServiceAccount,
		RestartPolicy:      corev1.RestartPolicyNever,
		HostNetwork:        true,
		DNSPolicy:          corev1.DNSDefault,
		PriorityClassName:  "system-cluster-critical",
		Affinity:           &corev1.Affinity{NodeAffinity: p.nodes()},
		Tolerations:        []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			RunAsUser:      new(user),
			RunAsGroup:     new(user),
			FSGroup:        new(user),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{p.container(s)},
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: s.Name()}}}},
			{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: new(resource.MustParse("128Mi"))}}},
		},
	}
	if p.pull != nil {
		spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: s.PullSecret()}}
	}
	for _, t := range p.tokens {
		spec.Volumes = append(spec.Volumes, t.volume())
		spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: t.name, MountPath: t.dir, ReadOnly: true})
	}
	return spec
}

// nodes are the control planes: there Talos answers at KubePrism's address before anything else can run. Elsewhere a
// control plane may be out of reach, and any node will do.
func (p parts) nodes() *corev1.NodeAffinity {
	term := corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: controlPlane, Operator: corev1.NodeSelectorOpExists}}}
	if p.Talos {
		return &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}}}
	}
	return &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: 100, Preference: term}}}
}

func (p parts) container(s set.Set) corev1.Container {
	return corev1.Container{
		Name:  name,
		Image: p.Image,
		Args:  p.arguments(s),
		Env:   p.environment(),
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			ReadOnlyRootFilesystem:   new(true),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
		},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "config", MountPath: ConfigDir, ReadOnly: true},
			{Name: "tmp", MountPath: "/tmp"},
		},
	}
}
