package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/notify"
)

// exitInterrupted is the exit code of a command that somebody ended with Ctrl-C, as shells count it.
const exitInterrupted = 130

type followFlags struct {
	roots, until    []string
	deadline        time.Duration
	readOnly, watch bool
	outputFile      string
	eventsAddr      notify.Address
	deployment      deploymentFlags
}

func followCommand() *cobra.Command {
	var flags followFlags
	command := &cobra.Command{
		Use:   "follow [--root NAMESPACE/NAME]... [--until KIND/[NAMESPACE/]NAME]... [--deadline DURATION] [--watch]",
		Short: "Follow the tree of a running cluster until it stands, and ask Flux to look at what waits",
		Long: `Follows the Kustomizations of the current kubeconfig context, and what they bring, until all are Ready or until
--until is. In the moment when what an object waits for has come, it asks Flux to look at that object again (the annotation
reconcile.fluxcd.io/requestedAt; force-sync on an ExternalSecret), once for each cause. It writes nothing else, and leaves
alone what is suspended.

On a terminal it shows the tree live, elsewhere a line for each change, on standard error; at the end a table on standard
output. With --watch it never ends by itself: that is how it runs in a cluster, as a Deployment (charts/seed-follow).

Exit codes: 0 the goal stands; 1 it does not, and why, by cause; 2 wrong usage; 130 interrupted, with the state so far.`,
		Example: `  seed follow
  seed follow --until kustomization/apps-static --until helmrelease/apps/pgadmin --deadline 15m
  seed follow --root flux-system/flux-system --read-only --output-file follow.json
  seed follow --watch --enable-leader-election`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		PreRunE: func(*cobra.Command, []string) error {
			_, err := flags.following()
			return errors.Join(err, flags.deployment.check(flags.watch))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runFollow(cmd, flags) },
	}
	f := command.Flags()
	f.StringArrayVar(&flags.roots, "root", nil, "follow this Kustomization and what it brings, NAMESPACE/NAME; can be repeated. Default: each that no other one brings")
	f.StringArrayVar(&flags.until, "until", nil, "end when this is Ready, KIND/NAME or KIND/NAMESPACE/NAME; can be repeated. The rest of the tree is not waited for then, nor is the report's moment \"everything\". Without a namespace: that of the first --root, else flux-system. Default: all Kustomizations of the tree")
	f.DurationVar(&flags.deadline, "deadline", 0, "give up when the goal does not stand after so long, and say what is missing, by cause. 0 waits without limit")
	f.BoolVar(&flags.readOnly, "read-only", false, "look only: never ask Flux for anything")
	f.StringVar(&flags.outputFile, "output-file", "", `file to keep the report in, as JSON for "seed report --file"`)
	f.Var(&flags.eventsAddr, "events-addr", "notification-controller's receiver of events, to tell a chat how it ended. From a desk: one that can be reached, for example by kubectl port-forward")
	f.BoolVar(&flags.watch, "watch", false, "go on after the tree stands, for every later change")
	flags.deployment.add(f)
	for _, ends := range []string{"until", "deadline", "output-file", "events-addr"} {
		command.MarkFlagsMutuallyExclusive("watch", ends)
	}
	completeFollow(command)
	return command
}

func completeFollow(command *cobra.Command) {
	kinds := []string{
		"kustomization/", "helmrelease/", "gitrepository/", "ocirepository/", "helmrepository/", "helmchart/", "bucket/", "externalsecret/",
	}
	_ = command.RegisterFlagCompletionFunc("until", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
	_ = command.RegisterFlagCompletionFunc("log-encoding", cobra.FixedCompletions(logEncodings, cobra.ShellCompDirectiveNoFileComp))
	_ = command.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions(logLevelNames, cobra.ShellCompDirectiveNoFileComp))
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if _, has := command.GetFlagCompletionFunc(flag.Name); !has && flag.Name != "output-file" {
			_ = command.RegisterFlagCompletionFunc(flag.Name, cobra.NoFileCompletions)
		}
	})
}

func runFollow(cmd *cobra.Command, flags followFlags) error {
	config, err := cluster.Config()
	if err != nil {
		return fmt.Errorf("%w: set KUBECONFIG, or run this in a cluster", err)
	}
	f, err := flags.following()
	if err != nil {
		return err
	}
	if f.Cluster, err = cluster.ForConfig(config); err != nil {
		return err
	}
	if flags.watch {
		return flags.deployment.run(cmd.Context(), config, f)
	}
	if err := reach(cmd.Context(), f.Cluster); err != nil {
		return ended(cmd.Context(), err)
	}
	return followUntil(cmd.Context(), f, flags, cmd.OutOrStdout())
}

// reach asks the cluster once. The cache would try for ever, and a live view holds back what it says of that.
func reach(ctx context.Context, c cluster.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := c.List(ctx, &kustomizev1.KustomizationList{}, client.Limit(1)); err != nil && !live.NotServed(err) {
		return fmt.Errorf("listing the cluster's Kustomizations: %w (is it the right one: kubectl config current-context? may you list them: kubectl auth can-i list kustomizations.kustomize.toolkit.fluxcd.io -A?)", err)
	}
	return nil
}

// following is what the flags ask for.
func (flags followFlags) following() (*birth.Following, error) {
	if flags.deadline < 0 {
		return nil, fmt.Errorf("--deadline %s: it is no time that can pass", flags.deadline)
	}
	f := &birth.Following{Deadline: flags.deadline, Forever: flags.watch, ReadOnly: flags.readOnly}
	for _, text := range flags.roots {
		namespace, name, ok := strings.Cut(text, "/")
		if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("--root %q: it is NAMESPACE/NAME of a Kustomization", text)
		}
		f.Roots = append(f.Roots, types.NamespacedName{Namespace: namespace, Name: name})
	}
	for _, text := range flags.until {
		goal, err := birth.ParseGoal(text)
		if err != nil {
			return nil, fmt.Errorf("--until %q: %w", text, err)
		}
		f.Until = append(f.Until, goal)
	}
	return f, nil
}

// codeError is an error with an exit code of its own.
type codeError struct {
	error
	code int
}

func (e codeError) Unwrap() error { return e.error }

// ended is the error of a following, with its exit code.
func ended(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return codeError{err, exitInterrupted}
	}
	return codeError{err, exitFailed}
}
