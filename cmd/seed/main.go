// Command seed plants Flux in a newborn Kubernetes cluster from Git. See "seed --help".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/manifests"
)

// Exit codes, beside 0 for success.
const (
	exitFailed = 1 // worth another try
	exitUsage  = 2
)

// version is set when a release is linked.
var version = ""

func main() {
	signals := []os.Signal{syscall.SIGTERM, syscall.SIGINT}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup asks for; else what was copied to memory would stay there
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// errFound says by the exit code that there are findings; they are told already.
var errFound = errors.New("there are findings")

// execute runs one command and turns its error into an exit code and one line on standard error.
func execute(ctx context.Context, args []string) int {
	started := false
	root := &cobra.Command{
		Use:   "seed",
		Short: "Plant Flux in a newborn cluster from Git",
		Long: `seed plants Flux in a newborn Kubernetes cluster: it claims the Git credential at the vault, fetches
the tree, applies Flux and the root sync, follows until everything stands, and writes down how long
each part took.

Exit codes: 0 the tree stands; 1 failed, worth another try; 2 wrong usage; 3 invalid bundle; 4 the deadline.`,
		Version:           buildVersion(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
	}
	root.AddCommand(runCommand(), renderCommand(), checkCommand(), followCommand(), reportCommand())
	notice(root, &started)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return exitFailed
	case !started || errors.As(err, &usage{}):
		fmt.Fprintf(os.Stderr, "seed: error: %v\nseed: hint: see \"seed --help\"\n", err)
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "seed: error: %v\n", err)
	if own, ok := errors.AsType[codeError](err); ok {
		return own.code
	}
	if failure.IsInvalid(err) {
		return manifests.ExitInvalid
	}
	if _, late := errors.AsType[birth.Deadline](err); late {
		return manifests.ExitDeadline
	}
	return exitFailed
}

// usage is an error of what was given that only the command itself could see.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// notice makes every command below c say when it starts: an error before that is one of usage.
func notice(c *cobra.Command, started *bool) {
	if inner := c.RunE; inner != nil {
		c.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return inner(cmd, args)
		}
	}
	for _, sub := range c.Commands() {
		notice(sub, started)
	}
}

// buildVersion is the linked version, else what the Go module system knows.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
