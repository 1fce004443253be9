package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/internal/check"
)

// errFound says by the exit code that there are findings; they are told already.
var errFound = errors.New("there are findings")

func checkCommand() *cobra.Command {
	format, strict := "text", false
	command := &cobra.Command{
		Use:   "check [PATH...] [--format text|github|json] [--strict]",
		Short: "Find in a Flux repository, before the push, what would be found after it",
		Long: `Builds each cluster of a repository as Flux will, without a cluster and without the network, and says what cannot work there:
with file and line, why, and what to do. PATH is a repository, or a cluster's folder in one; the default is this one. A cluster
is a folder that holds, as built, the Flux Kustomization that builds it, or one that a FluxInstance of flux-operator names.

What it cannot know it says nothing about. What it did not look into it names at the end: other sources, charts, templates.
docs/check.md explains each finding by its code.

Exit codes: 0 no error was found; 1 errors, with --strict warnings too; 2 wrong usage, or no cluster was found.`,
		Example: `  seed check
  seed check clusters/home --strict
  seed check --format github`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return runCheck(cmd, args, format, strict)
		},
	}
	f := command.Flags()
	f.StringVar(&format, "format", format, "text for people, github for annotations of a workflow, or json")
	f.BoolVar(&strict, "strict", strict, "fail on warnings too")
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "github", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return command
}

func runCheck(cmd *cobra.Command, paths []string, format string, strict bool) error {
	debug.SetGCPercent(400) // it lives for a second: collecting garbage would be a third of that
	var result check.Result
	for _, path := range paths {
		if err := checkOne(cmd.Context(), &result, path); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	switch format {
	case "text":
		result.Text(out)
	case "github":
		result.GitHub(out)
	case "json":
		if err := result.JSON(out); err != nil {
			return err
		}
	default:
		return usage{fmt.Errorf("--format %q: it is text, github or json", format)}
	}
	if result.Count(check.Error) > 0 || strict && result.Count(check.Warning) > 0 {
		return errFound
	}
	return nil
}

func checkOne(ctx context.Context, result *check.Result, path string) error {
	root, only, err := repository(path)
	if err != nil {
		return usage{err}
	}
	tree, err := check.Load(ctx, root, only)
	if err != nil {
		if errors.Is(err, check.ErrNoCluster) {
			return usage{fmt.Errorf("%s: %w", path, err)}
		}
		return err
	}
	result.Add(tree, prefixOf(root))
	return tree.Close()
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
