//go:build !agent

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/internal/check"
	"github.com/tazlab/seed/internal/talos"
)

func checkCommand() *cobra.Command {
	var how checking
	command := &cobra.Command{
		Use:   "check [PATH...] [--format text|github|json] [--strict] [--releases] [--graph text|mermaid] [--bundle FILE]",
		Short: "Find in a Flux repository, before the push, what would be found after it",
		Long: `Builds each cluster of a repository as Flux will, without a cluster and without the network, and says what cannot work there:
with file and line, why, and what to do. PATH is a repository, or a cluster's folder in one; the default is this one. A cluster
is a folder that holds, as built, the Flux Kustomization that builds it, or one that a FluxInstance of flux-operator names.

Charts of the repository are rendered with Helm's own code.

What it cannot know it says nothing about. What it did not look into it names at the end: other sources, their charts, templates.
docs/check.md explains each finding by its code.

With --releases it also lists each HelmRelease: where it stands, its chart, and its values as Flux merges them. What is in a Secret is
not shown.

With --graph it finds nothing, and shows the units instead: by level, the fast track, the critical path, and what each of them
really waits for.

Exit codes: 0 no error was found; 1 errors, with --strict warnings too; 2 wrong usage, or no cluster was found.`,
		Example: `  seed check
  seed check clusters/home --strict
  seed check --format github
  seed check clusters/home --releases
  seed check clusters/home --graph mermaid > graph.mmd
  seed check clusters/home --bundle seed-patch.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return runCheck(cmd, args, how)
		},
	}
	f := command.Flags()
	f.StringVar(&how.format, "format", "text", "text for people, github for annotations of a workflow, or json")
	f.BoolVar(&how.strict, "strict", false, "fail on warnings too")
	f.StringVar(&how.bundle, "bundle", "", "what \"seed render\" printed for the cluster, or the ConfigMap with the bundle as kubectl prints it: say where Git has moved on; - reads standard input")
	f.BoolVar(&how.releases, "releases", false, "list the HelmReleases too, with their values merged: as text, or with --format json in \"releases\"")
	f.StringVar(&how.graph, "graph", "", "show the units: text for people, or a mermaid flowchart")
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "github", "json"}, cobra.ShellCompDirectiveNoFileComp))
	_ = command.RegisterFlagCompletionFunc("graph", cobra.FixedCompletions([]string{"text", "mermaid"}, cobra.ShellCompDirectiveNoFileComp))
	return command
}

// checking is how to look.
type checking struct {
	format, graph, bundle string
	strict, releases      bool
}

func runCheck(cmd *cobra.Command, paths []string, how checking) error {
	defer runtime.KeepAlive(roomy())
	log.SetOutput(io.Discard) // Helm warns of values there, of which helm-controller says nothing either
	if err := how.valid(); err != nil {
		return err
	}
	if how.graph != "" {
		return showGraph(cmd, paths, how.graph)
	}
	deployed, err := how.deployed(cmd.InOrStdin(), len(paths))
	if err != nil {
		return err
	}
	var result check.Result
	if how.releases {
		result.Releases = []check.Listed{}
	}
	for _, path := range paths {
		if err := how.checkOne(cmd.Context(), &result, path, deployed); err != nil {
			return err
		}
	}
	if err := how.write(cmd.OutOrStdout(), &result); err != nil {
		return err
	}
	if result.Count(check.Error) > 0 || how.strict && result.Count(check.Warning) > 0 {
		return errFound
	}
	return nil
}

// valid says which flags cannot be, or not together.
func (c checking) valid() error {
	switch {
	case !slices.Contains([]string{"text", "github", "json"}, c.format):
		return usage{fmt.Errorf("--format %q: it is text, github or json", c.format)}
	case c.releases && c.graph != "":
		return usage{errors.New("--releases and --graph show different things: give one of them")}
	case c.releases && c.format == "github":
		return usage{errors.New("--releases is for --format text and json: annotations have no room for values")}
	}
	return nil
}

// write writes what there is to tell.
func (c checking) write(out io.Writer, result *check.Result) error {
	switch c.format {
	case "json":
		return result.JSON(out)
	case "github":
		result.GitHub(out)
		return nil
	}
	if err := result.ReleasesText(out); err != nil {
		return err
	}
	result.Text(out)
	return nil
}

// roomy lets the heap grow by about 70 MB before garbage is collected for the first time, and by more the more is kept:
// a check lives for a second, and collecting as often as a server does would take a third of it. The bytes that it returns count
// as part of the heap for as long as they are kept, and take no memory, since nothing is written to them.
func roomy() []byte {
	debug.SetGCPercent(200)
	return make([]byte, 32<<20)
}

// deployed reads the bundle that a cluster was given, if there is one to look at.
func (c checking) deployed(stdin io.Reader, paths int) ([]byte, error) {
	switch {
	case c.bundle == "":
		return nil, nil
	case paths > 1:
		return nil, usage{errors.New("--bundle is of one cluster: give one PATH")}
	case c.bundle == "-":
		return readAll(stdin, "standard input", talos.MaxConfig)
	}
	data, err := readFile(c.bundle, talos.MaxConfig)
	if err != nil {
		return nil, usage{fmt.Errorf("reading the deployed bundle: %w", err)}
	}
	return data, nil
}

// showGraph shows the units of the clusters in all paths.
func showGraph(cmd *cobra.Command, paths []string, format string) error {
	if format != "text" && format != "mermaid" {
		return usage{fmt.Errorf("--graph %q: it is text or mermaid", format)}
	}
	var clusters []*check.Cluster
	for _, path := range paths {
		tree, _, err := load(cmd.Context(), path)
		if err != nil {
			return err
		}
		clusters = append(clusters, tree.Clusters...)
		if err := tree.Close(); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	if format == "mermaid" {
		check.GraphMermaid(out, clusters)
		return nil
	}
	for i, cluster := range clusters {
		if i > 0 {
			fmt.Fprintln(out)
		}
		cluster.GraphText(out)
	}
	return nil
}

// load loads the repository that path is in, and returns its root with it.
func load(ctx context.Context, path string) (*check.Tree, string, error) {
	root, only, err := repository(path)
	if err != nil {
		return nil, "", usage{err}
	}
	tree, err := check.Load(ctx, root, only)
	if errors.Is(err, check.ErrNoCluster) {
		err = usage{fmt.Errorf("%s: %w", path, err)}
	}
	return tree, root, err
}

func (c checking) checkOne(ctx context.Context, result *check.Result, path string, deployed []byte) error {
	tree, root, err := load(ctx, path)
	if err != nil {
		return err
	}
	if deployed != nil {
		if err := tree.Deployed(deployed); err != nil {
			return errors.Join(usage{fmt.Errorf("--bundle: %w", err)}, tree.Close())
		}
	}
	prefix := prefixOf(root)
	if c.format == "github" {
		prefix = prefixInWorkspace(root)
	}
	result.Add(tree, prefix)
	if result.Releases != nil {
		err = result.AddReleases(tree, prefix)
	}
	return errors.Join(err, tree.Close())
}

// prefixInWorkspace is what leads to the files of a repository from the folder of a workflow's checkouts, in which GitHub looks for them
// whatever the step's working folder is; from the repository itself where that is not below it.
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables
func prefixInWorkspace(root string) string {
	workspace, err := filepath.EvalSymlinks(os.Getenv("GITHUB_WORKSPACE"))
	if err != nil || !filepath.IsAbs(workspace) {
		return ""
	}
	if whole, err := filepath.EvalSymlinks(root); err == nil {
		root = whole
	}
	to, err := filepath.Rel(workspace, root)
	if err != nil || to == "." || !filepath.IsLocal(to) {
		return ""
	}
	return to + "/"
}

// prefixOf is what leads from the working folder to the files of a repository.
func prefixOf(root string) string {
	here, err := os.Getwd()
	if err != nil {
		return root + "/"
	}
	to, err := filepath.Rel(here, root)
	switch {
	case err != nil || strings.HasPrefix(to, "../") && !strings.HasSuffix(to, ".."): // elsewhere
		return root + "/"
	case to == ".":
		return ""
	}
	return to + "/" // below, or above: the working folder is in the repository
}

// repository finds the root of the repository that path is in: the folder with .git, or path itself.
func repository(path string) (root, only string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	if info, err := os.Stat(path); err != nil {
		return "", "", err
	} else if !info.IsDir() {
		return "", "", fmt.Errorf("%s is a file: name the repository, or a cluster's folder in it", path)
	}
	for at := path; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			only, err = filepath.Rel(at, path)
			return at, only, err
		}
		if at == filepath.Dir(at) {
			return path, ".", nil
		}
	}
}
