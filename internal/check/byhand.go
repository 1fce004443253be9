package check

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// creates matches what says in a script, a template, a helmfile, or a configuration of Terraform or Pulumi that it creates namespaces.
var creates = regexp.MustCompile(`(?i)kind["']?\s*[:=]\s*["']?namespace\b` + // a manifest, in any notation
	`|create[ -](ns|namespace)\b|\bnew-project\b` + // kubectl create namespace, helm --create-namespace, oc new-project
	`|create_?namespace["']?\s*[:=]\s*["']?[^\s"'f]` + // of Helm's releases in other tools: all but false
	`|resource\s+"kubernetes_namespace(_v1)?"|"kubernetes_namespace(_v1)?"\s*:|\bcore\.v1\.namespace\b` + // Terraform, Pulumi
	`|\breleases:`)

// createdByHand tells whether a file that no cluster is built from may create a namespace: a script, or what another tool installs.
func (t *Tree) createdByHand(namespace string) bool {
	if t.createdByTerraform(namespace) {
		return true
	}
	used, indexes := t.used()
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(namespace) + `\b`)
	for name := range t.files {
		forgotten := indexes[path.Dir(name)] != nil // beside what a unit is built from
		if used[name] || forgotten || path.Ext(name) == ".md" || !t.mentions(name, namespace) {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(t.dir, name)); err == nil && creates.Match(data) && word.Match(data) {
			return true
		}
	}
	return false
}

// createdByTerraform tells whether Terraform may create a namespace: one of its files creates some, and one, as often another of the
// same module, has the name as a whole text.
func (t *Tree) createdByTerraform(namespace string) bool {
	if t.terraform == nil {
		t.terraform = t.readTerraform()
	}
	name := regexp.QuoteMeta(namespace)
	return creates.Match(t.terraform) && regexp.MustCompile(`(?m)["']`+name+`["']|[:-][ \t]+`+name+`\s*$`).Match(t.terraform)
}

// maxTerraform is the size from which on a file is none that a person has written.
const maxTerraform = 1 << 20

// readTerraform reads the files of Terraform and Terragrunt in the checkout: an artifact of Flux often leaves them out.
func (t *Tree) readTerraform() []byte {
	texts := []byte{}
	checkout := os.DirFS(t.original)
	_ = fs.WalkDir(checkout, ".", func(name string, entry fs.DirEntry, err error) error { // what cannot be read says nothing
		switch {
		case err != nil:
			return nil //nolint:nilerr // as above
		case entry.IsDir() && slices.Contains([]string{".git", ".terraform", ".terragrunt-cache", "node_modules"}, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular() || !isTerraform(name):
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Size() < maxTerraform {
			text, _ := fs.ReadFile(checkout, name)
			texts = append(append(texts, text...), '\n')
		}
		return nil
	})
	return texts
}

func isTerraform(name string) bool {
	return slices.Contains([]string{".tf", ".tofu", ".tfvars", ".hcl"}, path.Ext(name)) || strings.HasSuffix(name, ".tf.json")
}
