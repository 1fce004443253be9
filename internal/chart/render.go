package chart

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
)

// Render fills in the templates of a chart that is in the folder root, and returns the objects of its first installation, those
// of the folder crds last.
//
// What templates ask the cluster, or the clock, is answered in two ways, for the version of Kubernetes in many. What is the same each
// time depends on neither; the error is Unknown where it does. An error that is neither that nor Missing says why helm-controller,
// or source-controller before it, could not install the chart.
func Render(root string, r Release) ([]Object, error) {
	asked := map[string]bool{}
	answers := []*cluster{
		{releases: oldest, now: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), asked: asked},
		{releases: newest, serves: true, now: time.Date(2037, 12, 11, 10, 9, 8, 0, time.UTC), asked: asked},
	}
	var made [][]Object
	var failed error
	failures := 0
	for i := 0; i < len(answers); i++ {
		c := answers[i]
		objects, err := c.render(root, r)
		switch {
		case c.open != "":
			return nil, Unknown("a template of the chart asks for " + c.open)
		case c.listed && err != nil: // it may have looked through the list
			asked["the APIs that are served"] = true
			return nil, depends(asked)
		case err != nil:
			failed, failures = cmp.Or(failed, err), failures+1
		}
		if made = append(made, objects); i == 1 && asked[kubernetesVersion] {
			answers = append(answers, c.between()...)
		}
	}
	switch {
	case failures == len(answers) && len(asked) <= 1: // whatever the answer
		return nil, failed
	case failures > 0, len(asked) > 1:
		return nil, depends(asked)
	}
	for _, other := range made[1:] {
		if !inCommon(made[0], other) {
			return nil, depends(asked)
		}
	}
	return made[0], nil
}

// depends says on what the objects of a chart may depend.
func depends(asked map[string]bool) Unknown {
	if len(asked) == 0 {
		return "the chart makes other objects each time"
	}
	return Unknown("what the chart makes depends on the cluster: its templates ask for " + strings.Join(slices.Sorted(maps.Keys(asked)), " and "))
}

// render fills in the templates once.
func (k *cluster) render(root string, r Release) (objects []Object, err error) {
	defer func() { // Helm panics over some charts
		if p := recover(); p != nil {
			objects, err = nil, fmt.Errorf("Helm cannot cope with the chart: %v", p)
		}
	}()
	c, err := load(root, r)
	if err != nil {
		return nil, err
	}
	values, err := decoded(r.Values)
	if err != nil {
		return nil, fmt.Errorf("its values: %w", err)
	}
	if err := util.ProcessDependencies(c.Chart, values); err != nil {
		return nil, fmt.Errorf("its dependencies: %w", err)
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	options := common.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true}
	filled, err := commonutil.ToRenderValuesWithSchemaValidation(c.Chart, values, options, nil, r.SkipSchema || refersElsewhere(c.Chart))
	if err != nil {
		return nil, err
	}
	filled["Capabilities"] = (*capabilities)(k)
	files, err := engine.Engine{CustomTemplateFuncs: k.functions()}.Render(c.Chart, filled)
	if err != nil {
		return nil, err
	}
	return c.objects(files, r)
}

// decoded are values as helm-controller reads them: a number is always a float64, and printed as such.
func decoded(values map[string]any) (map[string]any, error) {
	data, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	return all, json.Unmarshal(data, &all)
}

// inCommon leaves in a what two renderings have in common: a text or number that differs is Varies. It is false where more differs.
func inCommon(a, b []Object) bool {
	if len(a) != len(b) {
		return false
	}
	for i, o := range a {
		content, same := merge(o.Object, b[i].Object)
		if !same || o.File != b[i].File || o.Hook != b[i].Hook {
			return false
		}
		o.Object, _ = content.(map[string]any)
		if o.GetAPIVersion() == Varies || o.GetKind() == Varies {
			return false
		}
	}
	return true
}

// merge is inCommon for one value. It changes a.
func merge(a, b any) (any, bool) {
	switch a := a.(type) {
	case map[string]any:
		other, isMap := b.(map[string]any)
		if !isMap || len(a) != len(other) {
			return nil, false
		}
		for key, value := range a {
			otherValue, there := other[key]
			merged, same := merge(value, otherValue)
			if !there || !same {
				return nil, false
			}
			a[key] = merged
		}
		return a, true
	case []any:
		other, isList := b.([]any)
		if !isList || len(a) != len(other) {
			return nil, false
		}
		for i, value := range a {
			merged, same := merge(value, other[i])
			if !same {
				return nil, false
			}
			a[i] = merged
		}
		return a, true
	}
	switch b.(type) {
	case map[string]any, []any:
		return nil, false
	}
	if a != b {
		return Varies, true
	}
	return a, true
}
