package access

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"sigs.k8s.io/yaml"
)

// The objects hold what is written of them: k8s.io/api stays out of the program, for its size.
type (
	metadata struct {
		Labels    map[string]string `json:"labels"`
		Name      string            `json:"name"`
		Namespace string            `json:"namespace,omitempty"`
	}
	object struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   metadata `json:"metadata"`
	}
	serviceAccount struct {
		object
		Automount bool `json:"automountServiceAccountToken"`
	}
	binding struct {
		object
		RoleRef  reference   `json:"roleRef"`
		Subjects []reference `json:"subjects"`
	}
	reference struct {
		APIGroup  string `json:"apiGroup,omitempty"`
		Kind      string `json:"kind"`
		Name      string `json:"name"`
		Namespace string `json:"namespace,omitempty"`
	}
)

const rbacGroup = "rbac.authorization.k8s.io"

func newObject(apiVersion, kind, namespace, name string) object {
	return object{apiVersion, kind, metadata{map[string]string{"app.kubernetes.io/name": "waitfor"}, name, namespace}}
}

// serviceAccountOf mounts no token by itself: only the container that waits shall have it.
func serviceAccountOf(account Account) serviceAccount {
	return serviceAccount{newObject("v1", "ServiceAccount", account.Namespace, account.Name), false}
}

// roleAndBinding are two documents.
func roleAndBinding(account Account, s scope, name string) ([][]byte, error) {
	kind := "Role"
	if s.namespace == "" {
		kind = "ClusterRole"
	}
	role, err := yaml.Marshal(newObject(rbacGroup+"/v1", kind, s.namespace, name))
	if err != nil {
		return nil, err
	}
	// The rules are put below the rest by hand, since the library keeps no comments.
	role = append(role, "rules:\n"...)
	for _, r := range s.rules {
		text, err := yaml.Marshal([]rule{r})
		if err != nil {
			return nil, err
		}
		role = append(append(role, r.comments(s.namespace)...), text...)
	}
	bound, err := yaml.Marshal(binding{
		newObject(rbacGroup+"/v1", kind+"Binding", s.namespace, name),
		reference{APIGroup: rbacGroup, Kind: kind, Name: name},
		[]reference{{Kind: "ServiceAccount", Name: account.Name, Namespace: account.Namespace}},
	})
	return [][]byte{role, bound}, err
}

// comments are the lines above a rule: what it is for, and what it grants beyond that.
func (r rule) comments(namespace string) string {
	lines := slices.Clone(r.whys)
	if len(r.ResourceNames) == 0 {
		limit, all, where := "name", r.Resources[0], "of the cluster"
		if slices.Contains(r.Verbs, "list") {
			limit = "label"
		}
		if namespace != "" {
			where = "of the namespace " + namespace
		}
		if all == "secrets" {
			where += ", values included"
		}
		lines = append(lines, fmt.Sprintf("RBAC cannot restrict this to a %s: it holds for all %s %s.", limit, all, where))
	}
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintln(&text, "#", oneLine(line))
	}
	return text.String()
}

// oneLine leaves nothing in a comment that could end it: YAML has more line ends than \n.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}
