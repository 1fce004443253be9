package chart

import (
	"crypto/sha512"
	"fmt"
	"time"

	"github.com/Masterminds/sprig/v3"
	"github.com/huandu/xstrings"
)

// has is sprig's function "has", which fails for what is no list.
var has, _ = sprig.TxtFuncMap()["mustHas"].(func(any, any) (bool, error))

// functions take the place of Helm's own. DNS is not among them: Helm asks it only if it is told to, and helm-controller does not.
func (k *cluster) functions() map[string]any {
	return map[string]any{
		"now": func() time.Time { return k.now },
		"lookup": func(string, string, string, string) (map[string]any, error) {
			k.open = "objects of the cluster (lookup)"
			return map[string]any{}, nil
		},
		"has": func(item, list any) (bool, error) {
			if served, ok := list.(*versions); ok {
				name, _ := item.(string)
				return served.Has(name), nil
			}
			return has(item, list)
		},
		// The fork of sprig that go.mod has for External Secrets Operator is older than Helm's in these two, and only in these.
		"camelcase": xstrings.ToPascalCase,
		"sha512sum": func(text string) string { return fmt.Sprintf("%x", sha512.Sum512([]byte(text))) },
	}
}
