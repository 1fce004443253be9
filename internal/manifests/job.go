package manifests

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// ExitInvalid is seed's exit code for an invalid bundle, the only failure that ends the Job for good.
	ExitInvalid = 3
	// kubePrismHost and kubePrismPort are where every Talos node answers for the API server, without CNI,
	// kube-proxy or DNS (https://www.talos.dev/latest/kubernetes-guides/configuration/kubeprism/).
	kubePrismHost, kubePrismPort = "127.0.0.1", "7445"
	// memoryGoal makes Go collect its garbage earlier: less memory for little more time. It is no limit.
	memoryGoal = "40MiB"
)

// job runs seed until it succeeds. seed tries again by itself; a Pod that dies is replaced.
func job(image string, tokens []token) *batchv1.Job {
	return &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: own(),
		Spec: batchv1.JobSpec{
			BackoffLimit: new(int32(1000)),
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
				Action: batchv1.PodFailurePolicyActionFailJob,
				OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
					ContainerName: new(name), Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{ExitInvalid},
				},
			}}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels()}, Spec: pod(image, tokens)},
		},
	}
}

// pod needs nothing that a newborn control plane does not have: host network, node DNS, KubePrism, any
// taint tolerated, no volume that outlives it.
func pod(image string, tokens []token) corev1.PodSpec {
	spec := corev1.PodSpec{
		ServiceAccountName: name,
		RestartPolicy:      corev1.RestartPolicyNever,
		HostNetwork:        true,
		DNSPolicy:          corev1.DNSDefault,
		PriorityClassName:  "system-cluster-critical",
		Tolerations:        []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			RunAsUser:      new(int64(65532)),
			RunAsGroup:     new(int64(65532)),
			FSGroup:        new(int64(65532)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{container(image)},
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}},
			{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: new(resource.MustParse("128Mi"))}}},
		},
	}
	for _, t := range tokens {
		spec.Volumes = append(spec.Volumes, t.volume())
		spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: t.name, MountPath: t.dir, ReadOnly: true})
	}
	return spec
}

func container(image string) corev1.Container {
	return corev1.Container{
		Name:  name,
		Image: image,
		Args:  []string{"run"},
		Env: []corev1.EnvVar{
			{Name: "KUBERNETES_SERVICE_HOST", Value: kubePrismHost},
			{Name: "KUBERNETES_SERVICE_PORT", Value: kubePrismPort},
			{Name: "GOMEMLIMIT", Value: memoryGoal},
			{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
			{Name: "POD_UID", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.uid"}}},
		},
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
