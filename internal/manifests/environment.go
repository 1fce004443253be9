package manifests

import (
	"net"

	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/set"
)

const (
	// kubePrism is where every Talos node answers for the API server, without CNI, kube-proxy or DNS
	// (https://www.talos.dev/latest/kubernetes-guides/configuration/kubeprism/).
	kubePrism = "127.0.0.1:7445"
	// serviceHost is the variable with the API server's host. Without one of ours the kubelet sets it.
	serviceHost = "KUBERNETES_SERVICE_HOST"
	// memoryGoal makes Go collect its garbage earlier: less memory for little more time. It is no limit.
	memoryGoal = "40MiB"
)

func (p parts) arguments(s set.Set) []string {
	arguments := []string{"run"}
	if s != "" {
		arguments = append(arguments, "--set="+string(s))
	}
	for _, mirror := range p.Mirrors.Each() {
		arguments = append(arguments, "--registry-mirror="+mirror)
	}
	for _, goal := range p.Until {
		arguments = append(arguments, "--until="+goal.String())
	}
	if p.Deadline > 0 {
		arguments = append(arguments, "--deadline="+p.Deadline.String())
	}
	if p.EventsAddr != "" {
		arguments = append(arguments, "--events-addr="+string(p.EventsAddr))
	}
	return arguments
}

// environment holds where the API server is, unless that is the cluster's Service, and the proxy.
func (p parts) environment() []corev1.EnvVar {
	var env []corev1.EnvVar
	direct := "$(" + serviceHost + ")" // which the kubelet fills in
	if host, port := p.apiServer(); host != "" {
		env = append(env, corev1.EnvVar{Name: serviceHost, Value: host}, corev1.EnvVar{Name: "KUBERNETES_SERVICE_PORT", Value: port})
		direct = host
	}
	env = append(
		env, corev1.EnvVar{Name: "GOMEMLIMIT", Value: memoryGoal},
		corev1.EnvVar{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
		corev1.EnvVar{Name: "POD_UID", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.uid"}}},
	)
	if p.Proxy == "" {
		return env
	}
	if p.NoProxy != "" {
		direct += "," + p.NoProxy
	}
	return append(
		env, corev1.EnvVar{Name: "HTTPS_PROXY", Value: p.Proxy}, corev1.EnvVar{Name: "HTTP_PROXY", Value: p.Proxy},
		corev1.EnvVar{Name: "NO_PROXY", Value: direct},
	)
}

// apiServer is empty where the cluster's Service leads to it.
func (p parts) apiServer() (host, port string) {
	address := p.APIServer
	if p.Talos {
		address = kubePrism
	}
	host, port, _ = net.SplitHostPort(address) // checkSettings has seen that it is one, or empty
	return host, port
}
