package build

import (
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/openapi/kubernetesapi"
)

// building guards kustomize's OpenAPI schema, which is global (https://github.com/kubernetes-sigs/kustomize/issues/4824). Builds
// that leave it as it is only read it, and run side by side; one with a schema of its own runs alone.
var building sync.RWMutex

// Warm parses kustomize's own OpenAPI schema, which every build needs and which takes longer than most of them.
var Warm = sync.OnceFunc(func() {
	building.Lock()
	defer building.Unlock()
	for version, document := range kubernetesapi.OpenAPIMustAsset {
		kubernetesapi.OpenAPIMustAsset[version] = func(name string) []byte { return withoutPaths(document(name)) }
	}
	openapi.Schema()
})

// paths is the field of an OpenAPI document in Protocol Buffers that holds its paths
// (https://github.com/google/gnostic-models/blob/v0.7.1/openapiv2/OpenAPIv2.proto).
const paths protowire.Number = 8

// withoutPaths drops the paths of a document: three quarters of it, of which kustomize learns only which kinds have a
// namespace, and that it has in a table as well.
func withoutPaths(document []byte) []byte {
	var kept []byte
	for rest := document; len(rest) > 0; {
		field, _, size := protowire.ConsumeField(rest)
		if size < 0 { // not such a document: for kustomize to say
			return document
		}
		if field != paths {
			kept = append(kept, rest[:size]...)
		}
		rest = rest[size:]
	}
	return kept
}
