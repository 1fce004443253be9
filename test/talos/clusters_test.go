package talos

import (
	"path/filepath"
	"testing"
)

// clusters are the folders of the tree.
var clusters = []string{"castle", "tazlab"}

// flags name a cluster of the tree, seed's image, and what the store logs in with where the cluster needs it.
func flags(t *testing.T, cluster string) []string {
	t.Helper()
	identity := write(t, "identity.env", []byte("clientId=not-a-real-client\nclientSecret=not-a-real-secret\n"))
	return []string{"--tree", root, "--cluster", filepath.Join("clusters", cluster), "--image", image, "--identity-file", identity}
}
