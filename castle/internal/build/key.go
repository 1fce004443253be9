package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// keyLength is the number of hexadecimal digits of a key.
const keyLength = 16

// resolve works out, for each part, the arguments of its build and where in the cache the result belongs.
func resolve(ctx context.Context, opts Options, parts []Part) ([]target, error) {
	version, err := run(ctx, opts.Root, "env", "GOVERSION")
	if err != nil {
		return nil, fmt.Errorf("ask Go for its version: %w", err)
	}
	targets := make([]target, 0, len(parts))
	for _, p := range parts {
		args, err := arguments(opts.Root, p)
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", p.Name, err)
		}
		key, err := key(ctx, opts.Root, p, append([]string{strings.TrimSpace(version), runtime.GOARCH}, args...))
		if err != nil {
			return nil, fmt.Errorf("build %s: work out its cache key: %w", p.Name, err)
		}
		targets = append(targets, target{Part: p, args: args, dir: filepath.Join(opts.Cache, "bin", p.Name+"-"+key)})
	}
	return targets, nil
}

// arguments returns those of `go build` up to the package, with the part's version filled in.
func arguments(root string, p Part) ([]string, error) {
	ldflags := strings.TrimSpace("-s -w " + p.LDFlags)
	if p.VersionOf != "" {
		version, err := pinned(filepath.Join(root, p.Module, "go.mod"), p.VersionOf)
		if err != nil {
			return nil, err
		}
		major, minor, _ := strings.Cut(strings.TrimPrefix(semver.MajorMinor(version), "v"), ".")
		ldflags = strings.NewReplacer("{version}", version, "{major}", major, "{minor}", minor).Replace(ldflags)
	}
	// Version control is not stamped: the same pins give the same program in every checkout and commit.
	args := []string{"-trimpath", "-buildvcs=false", "-tags=" + p.Tags, "-ldflags=" + ldflags}
	if p.GCFlags != "" {
		args = append(args, "-gcflags="+p.GCFlags)
	}
	return append(args, p.Package), nil
}

// pinned returns the version that a go.mod file requires of a module.
func pinned(file, module string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("find the version of %s: %w", module, err)
	}
	mod, err := modfile.ParseLax(file, data, nil)
	if err != nil {
		return "", fmt.Errorf("find the version of %s: %w", module, err)
	}
	for _, r := range mod.Require {
		if r.Mod.Path == module {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("find the version of %s: %s does not require it", module, file)
}

// key hashes what a program is made from: the facts given, go.mod, go.sum and, where the package is the module's own,
// its sources. Packages of other modules need no look: go.sum holds their hashes.
func key(ctx context.Context, root string, p Part, facts []string) (string, error) {
	module := filepath.Join(root, p.Module)
	files := []string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")}
	if strings.HasPrefix(p.Package, ".") {
		own, err := sources(ctx, module, p)
		if err != nil {
			return "", err
		}
		files = append(files, own...)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", facts)
	for _, file := range files {
		if err := hashFile(h, root, file); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:keyLength], nil
}

// localFiles prints the source and embedded files of packages whose module is no pinned version but a folder.
const localFiles = `{{$dir := .Dir}}{{with .Module}}{{if or .Main (and .Replace (not .Replace.Version))}}` +
	`{{range $.GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range $.EmbedFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`

// sources lists the files of the checkout that a package and its imports are compiled from.
func sources(ctx context.Context, module string, p Part) ([]string, error) {
	// -e: packages of other modules may not be downloaded yet; that is for the build, which shows its progress.
	list, err := run(ctx, module, "list", "-e", "-deps", "-tags="+p.Tags, "-f", localFiles, p.Package)
	if err != nil {
		return nil, fmt.Errorf("list its source files: %w", err)
	}
	return strings.FieldsFunc(list, func(r rune) bool { return r == '\n' }), nil
}

// hashFile adds a file under its name within the checkout, so that the checkout's own place does not count.
func hashFile(h io.Writer, root, file string) error {
	name, err := filepath.Rel(root, file)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || filepath.Base(file) != "go.sum") { // a module may have no dependency
		return err
	}
	fmt.Fprintf(h, "%q %d\n", name, len(data))
	_, err = h.Write(data)
	return err
}
