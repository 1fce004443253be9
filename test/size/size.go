// Package size weighs programs for tests that hold them to a limit.
package size

import (
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build compiles the package of the test that calls it for linux on that architecture, without C, and returns the program.
func Build(t *testing.T, architecture string, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	arguments := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", program}, flags...)
	build := exec.CommandContext(t.Context(), "go", append(arguments, ".")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building for %s: %v\n%s", architecture, err, out)
	}
	return program
}

// Weigh returns the size of a file, as it is and compressed as an image's layer is at its best.
func Weigh(t *testing.T, file string) (size, compressed int64) {
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
