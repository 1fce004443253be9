package build

import (
	"fmt"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// building guards kustomize's OpenAPI schema, which is global (https://github.com/kubernetes-sigs/kustomize/issues/3659).
var building sync.Mutex

// Warm parses kustomize's own OpenAPI schema, which every build needs and which takes longer than most of them.
func Warm() {
	building.Lock()
	defer building.Unlock()
	openapi.Schema()
}

// run builds the folder dir of fs with the options of Build in fluxcd/pkg/kustomize. That one parses the schema
// anew for each build; here it is, only after a build that brought a schema of its own.
func run(fs filesys.FileSystem, dir string) (resources resmap.ResMap, err error) {
	building.Lock()
	defer building.Unlock()
	defer func() { // kustomize panics over some invalid objects
		if r := recover(); r != nil {
			err = fmt.Errorf("kustomize cannot cope with an object: %v", r)
		}
	}()
	openapi.Schema() // a schema in the folder adds to this one
	own := openapi.GetSchemaVersion()
	defer func() {
		if openapi.GetSchemaVersion() != own {
			openapi.ResetOpenAPI()
		}
	}()
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}).Run(fs, dir)
}
