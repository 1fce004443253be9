// Package build compiles the castle's programs from their pinned Go modules and keeps them in a cache.
package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Options say where to build from, where to keep the result and whom to tell.
type Options struct {
	// Root is the root folder of the checkout.
	Root string
	// Cache is the folder that keeps finished programs. It is created if missing and may be shared by checkouts.
	Cache string
	// Progress gets one line per part that is built; on a terminal the line counts the seconds. Nil: nobody is told.
	Progress io.Writer
	// Parts is the table to build from. Nil: the castle's own, Parts().
	Parts []Part
}

// unused is how long a finished program stays in the cache after its last use once a newer one was built.
const unused = 7 * 24 * time.Hour

// target is a part together with what its inputs are right now.
type target struct {
	Part
	args []string // arguments of `go build`, without the output
	dir  string   // folder of the finished program
}

func (t target) path() string { return filepath.Join(t.dir, t.Name) }

// All makes sure that the named parts are built, all parts of the table if none is named, and returns the absolute
// path of each program by the part's name.
//
// A program is kept under a key over everything that it is made from, so a second call, also from another checkout
// with the same pins, builds nothing. Parts are built one after another, in the table's order; the first that fails
// ends the call. When ctx ends, so does the running `go build`. Nothing half-made is ever found in the cache.
func All(ctx context.Context, opts Options, names ...string) (map[string]string, error) {
	parts, err := choose(opts.Parts, names)
	if err != nil {
		return nil, err
	}
	for _, dir := range []*string{&opts.Root, &opts.Cache} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return nil, fmt.Errorf("find the folders to build in: %w", err)
		}
	}
	targets, err := resolve(ctx, opts, parts)
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(targets), target.cached)
	out := &progress{w: opts.Progress}
	if len(missing) > 0 || len(names) == 0 { // one program that is there is not worth a line
		out.cached(len(targets)-len(missing), len(targets), opts.Cache)
	}
	if len(missing) > 0 {
		if err := buildAll(ctx, opts, out, missing); err != nil {
			return nil, err
		}
	}
	paths := make(map[string]string, len(targets))
	for _, t := range targets {
		paths[t.Name] = t.path()
	}
	return paths, nil
}

// choose returns the parts with these names, in the table's order.
func choose(table []Part, names []string) ([]Part, error) {
	if table == nil {
		table = Parts()
	}
	known := make([]string, 0, len(table))
	for _, p := range table {
		known = append(known, p.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("build %s: no such part, there are: %s", name, strings.Join(known, " "))
		}
	}
	if len(names) == 0 {
		return table, nil
	}
	return slices.DeleteFunc(slices.Clone(table), func(p Part) bool { return !slices.Contains(names, p.Name) }), nil
}

// cached tells whether the program is there, and marks it as used.
func (t target) cached() bool {
	info, err := os.Stat(t.path())
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(t.dir, now, now) // a cache that is only readable still serves
	return true
}

// buildAll builds under a lock: two builds at once would only slow each other down on a small machine.
func buildAll(ctx context.Context, opts Options, out *progress, missing []target) error {
	bin := filepath.Join(opts.Cache, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("create the cache for built programs: %w", err)
	}
	lock := flock.New(filepath.Join(opts.Cache, "lock"))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		out.say("another build holds %s, waiting for it", lock.Path())
		_, err = lock.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("lock the cache for built programs with %s: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Unlock() }() // it ends with the process at the latest

	missing = slices.DeleteFunc(missing, target.cached) // the other build may have made some of them
	sweep(bin)
	for i, t := range missing {
		out.part(i+1, len(missing), t.Part)
		if err := t.build(ctx, opts.Root, bin, out); err != nil {
			out.failed()
			return err
		}
	}
	return nil
}

// build compiles into a folder of its own and renames that folder, so that the cache holds whole programs only.
func (t target) build(ctx context.Context, root, bin string, out *progress) error {
	work, err := os.MkdirTemp(bin, unfinished)
	if err != nil {
		return fmt.Errorf("build %s: %w", t.Name, err)
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil { //nolint:gosec // a folder of programs, no file
		return fmt.Errorf("build %s: %w", t.Name, err)
	}
	program := filepath.Join(work, t.Name)
	if err := compile(ctx, t, root, program, out.tick); err != nil {
		return err
	}
	info, err := os.Stat(program)
	if err != nil {
		return fmt.Errorf("build %s: %w", t.Name, err)
	}
	if err := errors.Join(os.RemoveAll(t.dir), os.Rename(work, t.dir)); err != nil {
		return fmt.Errorf("build %s: move it into the cache: %w", t.Name, err)
	}
	out.done(info.Size())
	prune(bin, t.Name)
	return nil
}

// unfinished starts the name of a folder that is being built in.
const unfinished = ".unfinished-"

// sweep removes what killed builds left; the caller holds the lock, so none of it is in use.
func sweep(bin string) {
	left, _ := filepath.Glob(filepath.Join(bin, unfinished+"*"))
	for _, dir := range left {
		_ = os.RemoveAll(dir) // it only takes room
	}
}

// prune removes programs of this name that were not used for a long time.
func prune(bin, name string) {
	entries, _ := os.ReadDir(bin)
	for _, e := range entries {
		key, ok := strings.CutPrefix(e.Name(), name+"-")
		if !ok || len(key) != keyLength {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > unused {
			_ = os.RemoveAll(filepath.Join(bin, e.Name())) // it only takes room
		}
	}
}
