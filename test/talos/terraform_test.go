package talos

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Terraform itself is not at hand here: the example is HCL, and all that it refers to is declared.
func TestTheTerraformExample(t *testing.T) {
	t.Parallel()
	for _, module := range []string{"secrets", "registration", "cluster"} {
		files, err := filepath.Glob(filepath.Join(root, "examples", "terraform", module, "*.tf"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: the files %q, %v", module, files, err)
		}
		parser := hclparse.NewParser()
		declared, used := map[string]bool{}, map[string]string{}
		for _, file := range files {
			parsed, problems := parser.ParseHCLFile(file)
			if problems.HasErrors() {
				t.Fatal(problems)
			}
			body := parsed.Body.(*hclsyntax.Body)
			declare(body, declared)
			references(body, used)
		}
		for name, where := range used {
			if !declared[name] {
				t.Errorf("%s: nothing declares %s", where, name)
			}
			delete(declared, name)
		}
		for name := range declared {
			if strings.HasPrefix(name, "var.") {
				t.Errorf("%s: nothing uses %s", module, name)
			}
		}
	}
}

// declare collects the addresses of what the file declares.
func declare(body *hclsyntax.Body, declared map[string]bool) {
	for _, block := range body.Blocks {
		switch block.Type {
		case "variable":
			declared["var."+block.Labels[0]] = true
		case "resource":
			declared[strings.Join(block.Labels, ".")] = true
		case "data":
			declared["data."+strings.Join(block.Labels, ".")] = true
		case "locals":
			for name := range block.Body.Attributes {
				declared["local."+name] = true
			}
		}
	}
}

// references collects the addresses that expressions name, and where. What a for or each brings along is their own.
func references(body *hclsyntax.Body, used map[string]string) {
	for _, attribute := range body.Attributes {
		for _, traversal := range attribute.Expr.Variables() {
			parts := []string{traversal.RootName()}
			for _, step := range traversal[1:] {
				if name, is := step.(hcl.TraverseAttr); is {
					parts = append(parts, name.Name)
				}
			}
			length := 2
			switch parts[0] {
			case "data":
				length = 3
			case "each", "string", "map", "list", "object", "any":
				continue
			}
			if len(parts) >= length {
				used[strings.Join(parts[:length], ".")] = attribute.NameRange.String()
			}
		}
	}
	for _, block := range body.Blocks {
		references(block.Body, used)
	}
}
