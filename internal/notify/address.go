package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Address is the URL of notification-controller's receiver of events, as Flux's controllers take it with --events-addr. It
// is a flag's value; the zero value tells nobody.
type Address string

// Set implements pflag.Value. A login is refused: arguments of a Pod can be read by everybody who can read Pods.
func (a *Address) Set(text string) error {
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		return errors.New("it holds a user: an argument is no place for a credential")
	case err != nil, !slices.Contains([]string{"http", "https"}, u.Scheme), u.Hostname() == "", u.RawQuery != "", u.Fragment != "", strings.Contains(text, "$("):
		return errors.New("write a URL of http or https, for example http://notification-controller.flux-system.svc.cluster.local./")
	}
	*a = Address(text)
	return nil
}

// Type implements pflag.Value.
func (*Address) Type() string { return "URL" }

// String implements pflag.Value.
func (a *Address) String() string { return string(*a) }

// service is the Service that a host of the cluster's DNS is the name of: NAME.NAMESPACE.svc, and the cluster's domain or
// not (https://github.com/kubernetes/dns/blob/master/docs/specification.md).
func service(host string) (key types.NamespacedName, ok bool) {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(labels) < 3 || labels[2] != "svc" {
		return key, false
	}
	return types.NamespacedName{Namespace: labels[1], Name: labels[0]}, true
}

// dial is where to reach a Service: seed has the node's DNS, which does not know the cluster's names, so the API server is
// asked.
func dial(ctx context.Context, cluster client.Reader, key types.NamespacedName, port string) (string, error) {
	var live corev1.Service
	if err := cluster.Get(ctx, key, &live); err != nil {
		return "", fmt.Errorf("looking for the address of Service %s: %w", key, err)
	}
	if ip := live.Spec.ClusterIP; ip != "" && ip != corev1.ClusterIPNone {
		return net.JoinHostPort(ip, port), nil
	}
	return "", fmt.Errorf("Service %s has no address of its own: name another in --events-addr", key)
}
