package set

import corev1 "k8s.io/api/core/v1"

// EmptyPullData is the least that the API server takes as the data of a Secret of the type
// kubernetes.io/dockerconfigjson, which must keep its key.
const EmptyPullData = "{}"

// IsEmpty tells whether a carried Secret holds nothing, as it is after letting go.
func IsEmpty(s *corev1.Secret) bool {
	only, isPull := s.Data[corev1.DockerConfigJsonKey]
	return len(s.Data) == 0 || len(s.Data) == 1 && isPull && string(only) == EmptyPullData
}
