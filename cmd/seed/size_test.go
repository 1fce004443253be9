package main

import (
	"testing"

	"github.com/tazlab/seed/test/size"
)

// maxImage is what seed's image may weigh, in bytes, compressed: a newborn node pulls it before anything else can start.
// The image holds this one program, so the program decides. It is built with the tag agent, without seed check and Helm.
const maxImage = 15_000_000

// tooBig says where to look. One call of reflect's Method or MethodByName with a name that the linker does not know makes
// it keep every exported method of every type; text/template and html/template have one.
const tooBig = `seed for linux/amd64 weighs %d bytes compressed, %d more than its image may (%d bytes as it is).
What keeps every exported method (several MB at once; nothing should):
  CGO_ENABLED=0 go build -tags agent -ldflags=-dumpdep -o /dev/null ./cmd/seed 2>&1 | grep '<ReflectMethod> ->'
What is big, to be compared with the commit before:
  CGO_ENABLED=0 go build -tags agent -o seed.full ./cmd/seed && go tool nm -size -sort size seed.full | head -100
Who brings a package in:
  go mod why PACKAGE`

// The flags are those of the castle's image, so that both share the build cache.
func TestProgramFitsIntoItsImage(t *testing.T) {
	t.Parallel()
	program, compressed := size.Weigh(t, size.Build(t, "amd64", "-tags", "agent"))
	t.Logf("seed for linux/amd64: %d bytes, %d compressed", program, compressed)
	if compressed > maxImage {
		t.Errorf(tooBig, compressed, compressed-maxImage, program)
	}
}
