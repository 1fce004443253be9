package build

import (
	"fmt"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// run builds the folder dir of source with the options of Build in fluxcd/pkg/kustomize. That one parses the schema
// anew for each build; here it is, only after a build that brought a schema of its own.
func run(source *files, dir string) (resmap.ResMap, error) {
	Warm()
	building.RLock()
	resources, err := kustomizer(source, dir)
	building.RUnlock()
	if !source.ownSchema {
		return resources, err
	}
	building.Lock()
	defer building.Unlock()
	defer func() {
		openapi.ResetOpenAPI()
		openapi.Schema()
	}()
	source.alone, source.refused = true, nil
	return kustomizer(source, dir) // its schema adds to kustomize's
}

func kustomizer(source *files, dir string) (resources resmap.ResMap, err error) {
	defer func() { // kustomize panics over some invalid objects
		if r := recover(); r != nil {
			err = fmt.Errorf("kustomize cannot cope with an object: %v", r)
		}
	}()
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}).Run(source, dir)
}
