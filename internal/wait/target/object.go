package target

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/tazlab/seed/internal/wait/kinds"
)

const spelled = "[NAMESPACE/]KIND[.VERSION][.GROUP]/NAME[#CHECK]"

// parseObject reads [NAMESPACE/]KIND[.VERSION][.GROUP] with /NAME or ?SELECTOR, and its check.
func parseObject(subject, check string) (*Object, error) {
	o := &Object{}
	kind, selector, selected := strings.Cut(subject, "?")
	parts := strings.Split(kind, "/")
	if !selected {
		o.Name = parts[len(parts)-1]
		parts = parts[:len(parts)-1]
	}
	switch len(parts) {
	case 1:
		kind = parts[0]
	case 2:
		o.Namespace, kind = parts[0], parts[1]
		if err := checkNamespace(o.Namespace); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("it is spelled %s, for example secret/database#key=password", spelled)
	}
	o.Kind, o.Version, o.Group = splitKind(kind)
	if err := checkKind(o); err != nil {
		return nil, err
	}
	if err := parseCheck(o, check, selected); err != nil {
		return nil, err
	}
	if !selected {
		return o, checkName(o)
	}
	return o, parseSelector(o, selector)
}

func checkNamespace(name string) error {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return fmt.Errorf("%q is no name of a namespace: %s", name, problems[0])
	}
	return nil
}

// apiVersion is what a version of an API looks like; everything else after a kind is its group
// (https://kubernetes.io/docs/reference/using-api/#api-versioning).
var apiVersion = regexp.MustCompile(`^v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?$`)

func splitKind(text string) (kind, version, group string) {
	kind, rest, _ := strings.Cut(text, ".")
	version, group, _ = strings.Cut(rest, ".")
	if !apiVersion.MatchString(version) {
		return kind, "", rest
	}
	return kind, version, group
}

var kindName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// checkKind finds typos before anything waits for them: a kind of a group that the API server itself brings cannot be
// installed later. One whose group and version are written may be newer than this program.
func checkKind(o *Object) error {
	if !kindName.MatchString(o.Kind) {
		return fmt.Errorf("%q is no kind: it is spelled %s", o.Kind, spelled)
	}
	if problems := validation.IsDNS1123Subdomain(o.Group); o.Group != "" && len(problems) > 0 {
		return fmt.Errorf("%q is no group of an API: %s", o.Group, problems[0])
	}
	builtin, found := kinds.Builtin(o.Kind, o.Version, o.Group)
	switch {
	case found && !builtin.Namespaced && o.Namespace != "":
		return fmt.Errorf("a %s has no namespace: leave %s/ out", builtin.Kind, o.Namespace)
	case found && builtin.Group == "" && builtin.Version != "v1":
		return fmt.Errorf("a %s is of version v1, not %s", builtin.Kind, o.Version)
	case found, o.Group != "" && (o.Version != "" || !kinds.OwnGroup(o.Group)):
		return nil
	}
	hint := "all kinds but Kubernetes' own are written with their group, as in externalsecrets.external-secrets.io"
	if near := kinds.Near(o.Kind); near != "" {
		hint = "is " + near + " meant? Otherwise: " + hint
	}
	return fmt.Errorf("Kubernetes has no kind %q%s: %s", o.Kind, inGroup(o.Group), hint)
}

func inGroup(group string) string {
	if group == "" {
		return ""
	}
	return " in the group " + group
}

func checkName(o *Object) error {
	builtin, _ := kinds.Builtin(o.Kind, o.Version, o.Group)
	problems := validation.IsDNS1123Subdomain(o.Name)
	if builtin.Group == "rbac.authorization.k8s.io" { // their names have colons
		problems = content.IsPathSegmentName(o.Name)
	}
	switch {
	case o.Name == "":
		return errors.New("no name follows the kind: it is spelled " + spelled + ", or KIND?SELECTOR for a label selector")
	case len(problems) > 0:
		return fmt.Errorf("%q is no name of an object: %s", o.Name, problems[0])
	}
	return nil
}

func parseSelector(o *Object, text string) error {
	var err error
	if o.Selector, err = labels.Parse(text); err != nil {
		return fmt.Errorf("%q is no label selector: %w", text, err)
	}
	if o.Selector.Empty() {
		return errors.New("no label selector follows the ?: write one as for kubectl -l, for example pod?app=database")
	}
	return nil
}
