package check

import (
	"encoding/base64"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/build"
)

// variables are what the tree built so far says of the variables of a unit. As kustomize-controller: later references win, and
// spec.postBuild.substitute over all.
func (l *loader) variables(unit *Unit) build.Variables {
	vars := build.Variables{Values: map[string]string{}}
	post := unit.Spec.PostBuild
	if post == nil {
		return vars
	}
	for _, ref := range post.SubstituteFrom {
		object := l.cluster.Find("", ref.Kind, unit.Namespace, ref.Name)
		if object == nil || object.skipped() { // it may be in the cluster, even if it is optional
			vars.Open = true
			continue
		}
		vars.Open = vars.Open || object.shared() // others may write it
		for name, value := range valuesOf(object) {
			vars.Values[name] = strings.ReplaceAll(value, "\n", "")
		}
	}
	for name, value := range post.Substitute {
		if !Substituted(value) { // the unit that brings this one could not fill it in
			value = "${" + name + "}"
		}
		vars.Values[name] = strings.ReplaceAll(value, "\n", "")
	}
	return vars
}

// valuesOf are the texts of a ConfigMap or Secret. A value that is not known, because it is encrypted or has a variable in it
// that is not known, is the variable itself.
func valuesOf(o *Object) map[string]string {
	values := map[string]string{}
	_, encrypted := o.Object["sops"]
	for _, field := range []string{"data", "stringData"} {
		content, _, _ := unstructured.NestedMap(o.Object, field)
		for name, value := range content {
			text, _ := value.(string)
			if field == "data" && o.GetKind() == "Secret" && !encrypted {
				plain, err := base64.StdEncoding.DecodeString(text)
				if err != nil {
					continue
				}
				text = string(plain)
			}
			if encrypted || !Substituted(text) { // a file of a generator may be encrypted by itself
				text = "${" + name + "}"
			}
			values[name] = text
		}
	}
	return values
}

// Substituted tells whether a text is known: no variable is left in it, and it is not encrypted. Flux decrypts objects of any kind
// (https://fluxcd.io/flux/components/kustomize/kustomizations/#decryption).
func Substituted(text string) bool {
	return !strings.Contains(text, "${") && !strings.HasPrefix(text, "ENC[")
}
