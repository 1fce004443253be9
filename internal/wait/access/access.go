// Package access writes the least rights that waiting needs, as YAML.
package access

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

// Account is the ServiceAccount of the Pod that waits.
type Account struct{ Namespace, Name string }

// Need is what one target asks of the API server.
type Need struct {
	// Namespace is where the objects are; "" if they are ClusterScoped.
	Namespace     string
	ClusterScoped bool
	// Group and Resource are as in a Role: "apps" and "deployments".
	Group, Resource string
	// Names are the objects. Without names it is all objects: no Role can restrict list to a label, or create to a name.
	Names []string
	Verbs []string
	// Why is the comment in the YAML: the target as its user spelt it.
	Why string
}

// Manifests are a ServiceAccount without a token in every container, and the Roles and ClusterRole that its needs take
// together, with their bindings. The same needs in any order give the same bytes. The names of the Roles are the
// account's: a Pod that waits for other things in the same namespace takes another account.
//
// It fails for the account "default", which is that of all Pods that name none, and for what is no exact need: a wildcard,
// an empty name, or a namespace where none belongs.
func Manifests(account Account, needs []Need) ([]byte, error) {
	if account.Name == "default" {
		return nil, errors.New("ServiceAccount default: every Pod of the namespace that names no account would get these rights; name an account of its own with --service-account")
	}
	if err := check(account, needs); err != nil {
		return nil, err
	}
	first, err := yaml.Marshal(serviceAccountOf(account))
	if err != nil {
		return nil, err
	}
	documents := [][]byte{first}
	for _, scope := range scopes(needs) {
		more, err := roleAndBinding(account, scope, account.roleName(scope.namespace))
		if err != nil {
			return nil, err
		}
		documents = append(documents, more...)
	}
	return bytes.Join(documents, []byte("---\n")), nil
}

// Role is a Role or ClusterRole for one need alone, with its binding, for somebody to paste who was refused. It has a name
// of its own, so that it adds to the rights that the account has.
func Role(account Account, need Need) ([]byte, error) {
	if err := check(account, []Need{need}); err != nil {
		return nil, err
	}
	name := []string{account.roleName(need.Namespace), strings.TrimSuffix(need.Resource+"."+need.Group, ".")}
	name = append(name, slices.Sorted(slices.Values(need.Names))...)
	documents, err := roleAndBinding(account, scopes([]Need{need})[0], strings.Join(name, "-"))
	if err != nil {
		return nil, err
	}
	return bytes.Join(documents, []byte("---\n")), nil
}

// roleName is the account's own name where no Role of somebody else, nor one of an account of the same name in another
// namespace, can have it: those are not to be overwritten.
func (a Account) roleName(namespace string) string {
	name := a.Name
	if name != "waitfor" {
		name += "-waitfor"
	}
	if namespace != a.Namespace {
		name += "-" + a.Namespace
	}
	return name
}

func check(account Account, needs []Need) error {
	if problems := validation.IsDNS1123Label(account.Namespace); problems != nil {
		return fmt.Errorf("the namespace %q of the ServiceAccount: %s", account.Namespace, problems[0])
	}
	if problems := validation.IsDNS1123Subdomain(account.Name); problems != nil {
		return fmt.Errorf("the ServiceAccount's name %q: %s", account.Name, problems[0])
	}
	for _, need := range needs {
		if err := need.check(); err != nil {
			return fmt.Errorf("rights for %q: %w", need.Why, err)
		}
	}
	return nil
}

func (n Need) check() error {
	if n.ClusterScoped != (n.Namespace == "") {
		return fmt.Errorf("namespace %q, cluster-scoped: %t: it must be one of the two", n.Namespace, n.ClusterScoped)
	}
	if len(n.Verbs) == 0 {
		return errors.New("no verb")
	}
	// Neither "*" nor a subresource is a label.
	labels := append([]string{n.Resource}, n.Verbs...)
	if !n.ClusterScoped {
		labels = append(labels, n.Namespace)
	}
	for _, label := range labels {
		if problems := validation.IsDNS1123Label(label); problems != nil {
			return fmt.Errorf("%q: %s", label, problems[0])
		}
	}
	if problems := validation.IsDNS1123Subdomain(n.Group); n.Group != "" && problems != nil {
		return fmt.Errorf("the group %q: %s", n.Group, problems[0])
	}
	// In a Role the empty name is the one of a list: it would grant all objects.
	if slices.Contains(n.Names, "") {
		return fmt.Errorf("an empty name among the %s", n.Resource)
	}
	return nil
}
