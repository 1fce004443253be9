package artifacts

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// sums is the one table of upstream modules and their versions, in the form of a go.sum, so that the go command
// verifies what it downloads.
//
//go:embed upstream.sum
var sums string

const (
	fluxModule = "github.com/fluxcd/flux2/v2"
	esoModule  = "github.com/external-secrets/external-secrets"
)

// module is a downloaded and verified Go module.
type module struct {
	Path, Version string
	Dir           string // its files, read-only
	Error         string
}

// version returns the version of a module in the table, or an error when the table has none.
func version(path string) (string, error) {
	for line := range strings.Lines(sums) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == path && !strings.HasSuffix(fields[1], "/go.mod") {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("upstream.sum names no version of module %s", path)
}

// download returns the modules by path. It runs the go command, which takes them from its module cache or from the
// module proxy and compares them with the table of sums.
func download(ctx context.Context, paths ...string) (map[string]module, error) {
	arguments := []string{"mod", "download", "-json"}
	for _, path := range paths {
		v, err := version(path)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, path+"@"+v)
	}
	dir, err := os.MkdirTemp("", "castle-modules-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, content := range map[string]string{"go.mod": "module upstream\n\ngo 1.26.0\n", "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	command.Stderr = &stderr
	output, failed := command.Output()
	modules, err := decode(output)
	if err == nil && failed != nil {
		err = fmt.Errorf("%w: %s", failed, strings.TrimSpace(stderr.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("downloading modules %s: %w", strings.Join(arguments[3:], ", "), err)
	}
	return modules, nil
}

// decode reads the sequence of objects that `go mod download -json` prints.
func decode(output []byte) (map[string]module, error) {
	modules := map[string]module{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var m module
		err := decoder.Decode(&m)
		if errors.Is(err, io.EOF) {
			return modules, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the go command's output: %w", err)
		}
		if m.Error != "" {
			return nil, errors.New(m.Error)
		}
		modules[m.Path] = m
	}
}
