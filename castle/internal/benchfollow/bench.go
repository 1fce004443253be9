// Package benchfollow measures how long a tree takes to stand with stock Flux, with the flag that makes Flux look at
// dependencies more often, and with seed following; and what that costs the API server.
package benchfollow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/tazlab/seed/castle/internal/life"
)

// Options are what a user of the benchmark chooses.
type Options struct {
	// Runs is how often each tree is measured with each variant.
	Runs int
	// Trees and Variants are those to measure; all if none is named.
	Trees, Variants []string
	// Output is the file for all single values, as JSON; empty: none is written.
	Output string
}

// The variants, as --variants names them.
const (
	stockFlux = "stock"
	every5s   = "5s"
	every1s   = "1s"
	withSeed  = "seed"
)

// variant is a Flux as flux bootstrap applies it, with these flags of kustomize-controller beside its own.
type variant struct {
	name, title string
	flags       []string
	seed        bool // and seed follows
}

var variants = []variant{
	{name: stockFlux, title: "stock Flux (30s)"},
	{name: every5s, title: "--requeue-dependency=5s", flags: []string{"--requeue-dependency=5s"}},
	{name: every1s, title: "--requeue-dependency=1s", flags: []string{"--requeue-dependency=1s"}},
	{name: withSeed, title: "stock Flux and seed", seed: true},
}

// bench is one benchmark that runs.
type bench struct {
	Options
	castle   life.Options
	dir      string // for what is needed in between
	seed     string // the program
	variants []variant
	result   result
	say      func(format string, args ...any)
}

// Run measures on one fresh node, the real tree on a fresh one each time, and writes tables and file. What was measured before an
// error is in the file.
func Run(ctx context.Context, o life.Options, want Options, out io.Writer) error {
	progress := o.Out
	o.Out, o.Preload, o.Blog, o.Audit = io.Discard, true, "127.0.0.1:0", audited
	b := &bench{Options: want, castle: o, say: func(format string, args ...any) { fmt.Fprintf(progress, format+"\n", args...) }}
	if err := b.choose(); err != nil {
		return err
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "castle-bench-follow-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := b.findSeed(ctx); err != nil {
		return err
	}
	if b.result, err = newResult(ctx, o.Root, want.Runs); err != nil {
		return err
	}
	err = errors.Join(b.all(ctx), b.result.save(b.Output))
	if err != nil {
		return err
	}
	return b.result.write(out)
}

// choose checks the options.
func (b *bench) choose() error {
	if os.Geteuid() != 0 {
		return errors.New("this benchmark brings up a node: run it as root")
	}
	if b.Runs < 1 {
		return fmt.Errorf("measure %d times: it must be 1 at least", b.Runs)
	}
	var names []string
	for _, v := range variants {
		names = append(names, v.name)
		if len(b.Options.Variants) == 0 || slices.Contains(b.Options.Variants, v.name) {
			b.variants = append(b.variants, v)
		}
	}
	if err := known("variants", b.Options.Variants, names); err != nil {
		return err
	}
	trees := []string{chain, fan, workloads, real}
	if len(b.Trees) == 0 {
		b.Trees = trees
	}
	return known("trees", b.Trees, trees)
}

func known(what string, given, all []string) error {
	for _, name := range given {
		if !slices.Contains(all, name) {
			return fmt.Errorf("there is no %s among the %s: they are %s", name, what, strings.Join(all, " "))
		}
	}
	return nil
}

// findSeed builds seed if need be, and finds out whether it can follow before anything is brought up.
func (b *bench) findSeed(ctx context.Context) error {
	if !slices.ContainsFunc(b.variants, func(v variant) bool { return v.seed }) {
		return nil
	}
	c, err := life.New(b.castle)
	if err != nil {
		return err
	}
	if b.seed, err = c.Program(ctx, "seed"); err != nil {
		return err
	}
	return canFollow(ctx, b.seed)
}

// rotated begins with another variant in each run: whoever comes first has a younger node.
func (b *bench) rotated(run int) []variant {
	n := run % len(b.variants)
	return slices.Concat(b.variants[n:], b.variants[:n])
}

// note keeps a measurement and tells of it.
func (b *bench) note(run int, s sample) {
	s.Run = run + 1
	b.result.Samples = append(b.result.Samples, s)
	cost := s.Requests[controller].all() + s.Requests[follower].all()
	b.say("run %d of %d: %s, %s: %.2f s, %d requests", s.Run, b.Runs, s.Tree, s.Variant, s.Seconds, cost)
}
