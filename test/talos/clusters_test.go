package talos

import (
	"path/filepath"
	"testing"
)

// clusters are the folders of the tree: castle logs in at the vault by a token of its own, tazlab's manifest carries what its
// store logs in with.
var clusters = []string{"castle", "tazlab"}

// flags name a cluster of the tree, seed's image, and the identity where one is carried.
func flags(t *testing.T, cluster string) []string {
	t.Helper()
	all := []string{"--tree", root, "--cluster", filepath.Join("clusters", cluster), "--image", image}
	if cluster == "castle" {
		return all
	}
	return append(all, "--identity-file", write(t, "identity.env", []byte("clientId=not-a-real-client\nclientSecret=not-a-real-secret\n")))
}
