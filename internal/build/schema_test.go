package build_test

import (
	"reflect"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/openapi/kubernetesapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/tazlab/seed/internal/build"
)

// whole is kustomize's OpenAPI document as it comes.
var whole = kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI]

// What kustomize knows of the kinds is what it knows with its whole document. It is not parallel: the schema is global.
func TestSchemaIsKustomizes(t *testing.T) {
	build.Warm()
	definitions, less := openapi.Schema().Definitions, kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI]
	namespaced := map[yaml.TypeMeta][2]bool{}
	for _, definition := range definitions {
		for _, kind := range kinds(definition.Extensions["x-kubernetes-group-version-kind"]) {
			namespaced[kind] = scope(kind)
		}
	}
	kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI] = whole
	openapi.ResetOpenAPI()
	defer func() {
		kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI] = less
		openapi.ResetOpenAPI()
		openapi.Schema()
	}()
	if !reflect.DeepEqual(openapi.Schema().Definitions, definitions) || len(namespaced) < 100 {
		t.Errorf("%d definitions of %d kinds, which are not kustomize's %d", len(definitions), len(namespaced), len(openapi.Schema().Definitions))
	}
	for kind, got := range namespaced {
		if want := scope(kind); got != want {
			t.Errorf("%v: namespaced, known %v, want %v", kind, got, want)
		}
	}
}

// scope is what kustomize says of the namespace of a kind, and whether it knows.
func scope(kind yaml.TypeMeta) [2]bool {
	namespaced, known := openapi.IsNamespaceScoped(kind)
	return [2]bool{namespaced, known}
}

// kinds are those that a definition is of.
func kinds(extension any) []yaml.TypeMeta {
	var all []yaml.TypeMeta
	list, _ := extension.([]any)
	for _, element := range list {
		content, _ := element.(map[string]any)
		text := func(field string) string { s, _ := content[field].(string); return s }
		kind := yaml.TypeMeta{APIVersion: text("version"), Kind: text("kind")}
		if text("group") != "" {
			kind.APIVersion = text("group") + "/" + kind.APIVersion
		}
		all = append(all, kind)
	}
	return all
}
