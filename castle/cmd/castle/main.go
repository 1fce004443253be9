// Command castle brings up a real Kubernetes node, with a vault stand-in, a Git server and a registry
// beside it, and lets seed plant the tree in it. See "castle --help".
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tazlab/seed/castle/internal/bench"
	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/talos"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := command().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil && wait.Interrupted(err)
	stop()
	if exit, ok := errors.AsType[exitCode](err); ok { // the program has said why
		os.Exit(int(exit))
	}
	if interrupted { // the error would be that some wait has timed out
		fmt.Fprintln(os.Stderr, "castle: interrupted; make down ends what is up")
		os.Exit(exitInterrupted)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "castle: error: %v\n", err)
		os.Exit(1)
	}
}

// exitInterrupted is the exit code of a command that somebody ended with Ctrl-C, as shells count it.
const exitInterrupted = 130

func command() *cobra.Command {
	o := life.Options{Out: os.Stdout}
	root := &cobra.Command{
		Use:           "castle",
		Short:         "A real Kubernetes node in a box, to plant the tree in",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&o.Root, "root", ".", "root folder of the checkout")
	root.PersistentFlags().StringVar(&o.Dir, "dir", "", "folder of the castle's state (default: run, in the user's cache folder seed-castle)")
	root.AddCommand(prepare(&o), up(&o), measure(&o), measureWaitfor(&o), measureFollow(&o), reboot(&o), upgradeK8s(&o), down(&o), status(&o), kubectl(&o), logs(&o), inside(&o), push(&o), sample(&o), apply(&o), program(&o), artifact(&o), supervisor())
	return root
}

func up(o *life.Options) *cobra.Command {
	var bare bool
	c := &cobra.Command{
		Use: "up", Short: "Bring the castle up and let seed plant the tree", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			if !bare {
				return c.Up(cmd.Context())
			}
			if err := c.Prepare(cmd.Context()); err != nil {
				return err
			}
			if err := c.Start(cmd.Context()); err != nil {
				return err
			}
			return c.BringCNI(cmd.Context())
		},
	}
	c.Flags().BoolVar(&bare, "bare", false, "only the node and what stands beside it, without seed")
	c.Flags().StringVar(&o.Blog, "blog", "127.0.0.1:8080", "address on this machine that leads to the blog")
	c.Flags().StringVar(&o.Database, "database", "", "after how long the database's stand-in brings the Secrets of its users: 0s, 30s, or never (default: as "+life.Cluster+"/cluster-vars.yaml says)")
	c.Flags().StringVar(&o.CNI, "cni", life.CNINow, "when the node gets its network, without which it has no kube-proxy and no cluster DNS either: now, late=20s (so long after the API server answers), or tree (a planted unit brings it)")
	c.Flags().BoolVar(&o.Taint, "taint", false, "keep the control-plane taint on the one node: only what tolerates it runs, and up ends when Flux does")
	c.Flags().StringVar((*string)(&o.Talos), "talos", string(talos.Inventory), "apply inline manifests as this Talos version does: 1.12 (creates what is missing), 1.13 (keeps an inventory) or 1.14 (has a document for each)")
	c.Flags().BoolVar(&o.Preload, "preload", false, "put the images on the node before its kubelet starts")
	return c
}

func prepare(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "prepare", Short: "Install and build what is missing, and bring nothing up", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			return c.Prepare(cmd.Context())
		},
	}
}

func measure(o *life.Options) *cobra.Command {
	var runs int
	c := &cobra.Command{
		Use: "bench", Short: "Measure births on fresh nodes, with seed and with stock Flux by hand", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.Run(cmd.Context(), *o, runs, cmd.OutOrStdout())
		},
	}
	c.Flags().IntVar(&runs, "runs", 5, "births of each kind")
	return c
}

func down(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "End the castle and leave nothing behind", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			return c.Down(cmd.Context())
		},
	}
}

func status(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Tell whether the castle runs, and why not", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			report, err := node.Status(c.NodeDir())
			if errors.Is(err, os.ErrNotExist) {
				return errors.New("no castle is up: run make demo")
			}
			if err != nil {
				return err
			}
			return show(cmd, report)
		},
	}
}

func show(cmd *cobra.Command, report *node.Report) error {
	for _, e := range report.Events {
		fmt.Fprintf(cmd.OutOrStdout(), "%6.1fs  %-10s  %s %s\n", e.Elapsed.Seconds(), e.Name, e.Component, e.Message)
	}
	if !report.Running {
		if report.Failure != nil {
			return fmt.Errorf("the castle is down: %s\n%s", report.Failure.Message, strings.Join(report.Failure.Log, "\n"))
		}
		return errors.New("the castle is down: run make down, then make demo")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "running since %s, process %d, doors %v\n", report.Started.Format(time.DateTime), report.PID, report.Doors)
	return nil
}

func kubectl(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "kubectl ARGS...", Short: "Run kubectl as the cluster's admin", DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Out = os.Stderr
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			path, err := c.Program(cmd.Context(), "kubectl")
			if err != nil {
				return err
			}
			return run(cmd.Context(), path, append([]string{"--kubeconfig", node.Kubeconfig(c.NodeDir())}, args...)...)
		},
	}
}

func logs(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "logs [NAME]", Short: "Print a component's log, or the names of all logs", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				data, err := os.ReadFile(node.Logs(c.NodeDir(), args[0]))
				if err != nil {
					return fmt.Errorf("%w (castle logs lists the names)", err)
				}
				_, err = cmd.OutOrStdout().Write(data)
				return err
			}
			names, err := filepath.Glob(node.Logs(c.NodeDir(), "*"))
			for _, name := range names {
				fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSuffix(filepath.Base(name), ".log"))
			}
			return err
		},
	}
}

func inside(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "exec PROGRAM ARGS...", Short: "Run a program inside the node", DisableFlagParsing: true, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			line, err := node.Enter(c.NodeDir())
			if err != nil {
				return err
			}
			return run(cmd.Context(), line[0], append(line[1:], args...)...)
		},
	}
}

func program(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "program [NAME...]", Short: "Print where the castle's own programs are, building them if need be; all as NAME=PATH",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Out = os.Stderr
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			paths, err := c.Programs(cmd.Context(), args...)
			if err != nil {
				return err
			}
			for _, name := range args {
				fmt.Fprintln(cmd.OutOrStdout(), paths[name])
			}
			if len(args) == 0 {
				for _, name := range slices.Sorted(maps.Keys(paths)) {
					fmt.Fprintf(cmd.OutOrStdout(), "%s=%s\n", name, paths[name])
				}
			}
			return nil
		},
	}
}

func artifact(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "artifact NAME", Short: "Print the folder with an OCI artifact's content: flux, external-secrets-crds or external-secrets-chart", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Out = os.Stderr
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			dir, err := c.Artifact(cmd.Context(), args[0])
			fmt.Fprintln(cmd.OutOrStdout(), dir)
			return err
		},
	}
}

// supervisor is what the castle runs itself as, inside the node's namespaces.
func supervisor() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: life.NodeCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return life.Node(cmd.Context(), dir) },
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the castle's state")
	return c
}

// exitCode is how a program ended that was run in the user's place.
type exitCode int

// Error implements error.
func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func run(ctx context.Context, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitCode(exit.ExitCode())
	}
	return err
}
