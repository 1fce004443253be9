package main

import (
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maxImage is what seed's image may weigh, in bytes, compressed: a newborn node pulls it before anything else can start.
// The image holds this one program, so the program decides.
const maxImage = 15_000_000

// tooBig says where to look. One call of reflect's Method or MethodByName with a name that the linker does not know makes
// it keep every exported method of every type; text/template and html/template have one.
const tooBig = `seed for linux/amd64 weighs %d bytes compressed, %d more than its image may (%d bytes as it is).
What keeps every exported method (several MB at once; nothing should):
  CGO_ENABLED=0 go build -ldflags=-dumpdep -o /dev/null ./cmd/seed 2>&1 | grep '<ReflectMethod> ->'
What is big, to be compared with the commit before:
  CGO_ENABLED=0 go build -o seed.full ./cmd/seed && go tool nm -size -sort size seed.full | head -100
Who brings a package in:
  go mod why PACKAGE`

// The flags are those of "make build", so that both share the build cache.
func TestProgramFitsIntoItsImage(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "seed")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building seed: %v\n%s", err, out)
	}
	size, compressed := weigh(t, program)
	t.Logf("seed for linux/amd64: %d bytes, %d compressed", size, compressed)
	if compressed > maxImage {
		t.Errorf(tooBig, compressed, compressed-maxImage, size)
	}
}

// weigh returns the size of a file, as it is and compressed as an image's layer is at its best.
func weigh(t *testing.T, file string) (size, compressed int64) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var counted counter
	zip, err := gzip.NewWriterLevel(&counted, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if size, err = io.Copy(zip, f); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return size, int64(counted)
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
