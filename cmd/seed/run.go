package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/fetch"
	"github.com/tazlab/seed/internal/manifests"
	"github.com/tazlab/seed/internal/report"
)

type runFlags struct {
	configDir, tokenDir, workDir, terminationLog string
	mirrors                                      fetch.Mirrors
}

func runCommand() *cobra.Command {
	var flags runFlags
	command := &cobra.Command{
		Use:   "run",
		Short: "Claim, fetch, build, apply, follow, report (in the cluster)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			summary, err := run(cmd.Context(), flags, cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err != nil {
				summary = "seed: error: " + err.Error()
			}
			// The termination message stands alone: logs may not be readable on a newborn node.
			if writeErr := os.WriteFile(flags.terminationLog, []byte(tail(summary)), 0o600); writeErr != nil && !errors.Is(writeErr, os.ErrNotExist) {
				err = errors.Join(err, fmt.Errorf("writing the termination message: %w", writeErr))
			}
			return err
		},
	}
	f := command.Flags()
	f.StringVar(&flags.configDir, "config-dir", manifests.ConfigDir, "folder with "+manifests.BundleKey+" and, for private servers, "+manifests.CAKey)
	f.StringVar(&flags.tokenDir, "token-dir", claim.TokenDir, "folder with seed's own tokens for vaults, HOST/token each")
	f.StringVar(&flags.workDir, "work-dir", os.TempDir(), "folder for fetched files; use a tmpfs")
	f.Var(&flags.mirrors, "registry-mirror", "fetch OCI artifacts of HOST from MIRROR instead; can be repeated")
	f.StringVar(&flags.terminationLog, "termination-log", "/dev/termination-log", "file for the one line that the Pod's status shows")
	return command
}

// run does the birth and returns the line that sums it up.
func run(ctx context.Context, flags runFlags, stdout, stderr io.Writer) (string, error) {
	timeline := &report.Report{Seed: time.Now()}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	log.Info("seed starts", "version", buildVersion())
	b, stored, err := readConfig(flags.configDir)
	if err != nil {
		complain(ctx, log, err)
		return "", err
	}
	live, err := cluster.New()
	if err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(flags.workDir, "seed-")
	if err != nil {
		return "", fmt.Errorf("making a work folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := timeline.Begin(ctx, live); err != nil {
		log.Warn("the start of machine and API server are not known", "error", err)
	}
	birth := &birth.Birth{
		Bundle: b, Cluster: live, Vault: claim.HTTPClient(nil), TokenDir: flags.tokenDir, Mirrors: flags.mirrors, WorkDir: work, Log: log, Report: timeline,
		Config: types.NamespacedName{Namespace: manifests.Namespace, Name: manifests.ConfigMap}, ConfigData: stored,
	}
	event := cluster.Events(live, manifests.Namespace, log)
	birth.Event = func(ctx context.Context, reason, message string) {
		event(ctx, reason, message)
		// Who is stuck says so wherever people look; the message is the Pod's should it be ended now.
		if err := os.WriteFile(flags.terminationLog, []byte(tail("seed: "+reason+": "+message)), 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			log.Warn("the termination message could not be written", "error", err)
		}
		if len(timeline.Steps) > 0 { // on a cluster that lives already the report of its birth stays
			save(ctx, log, timeline, live)
		}
	}
	planted, err := birth.Plant(ctx)
	if planted { // what happened so far survives whatever happens to this Pod
		save(ctx, log, timeline, live)
	}
	if err == nil {
		err = birth.Follow(ctx)
	}
	return finish(ctx, log, live, timeline, planted, stdout, err)
}

// readConfig reads what the ConfigMap holds, which it returns too, and trusts the authorities in it.
func readConfig(dir string) (b *bundle.Bundle, stored map[string]string, err error) {
	data, err := os.ReadFile(filepath.Join(dir, manifests.BundleKey))
	if err != nil {
		return nil, nil, failure.Invalid(fmt.Errorf("reading the bundle: %w", err))
	}
	stored = map[string]string{manifests.BundleKey: string(data)}
	if b, err = bundle.Parse(data); err != nil {
		return nil, nil, err
	}
	authorities, err := readAuthorities(dir, stored)
	if err != nil {
		return nil, nil, err
	}
	return b, stored, trust(authorities)
}

// complain puts an invalid bundle into an Event, where there is a cluster to take it.
func complain(ctx context.Context, log *slog.Logger, invalid error) {
	live, err := cluster.New()
	if err != nil {
		log.Warn("no API server to record an Event at", "error", err)
		return
	}
	cluster.Events(live, manifests.Namespace, log)(ctx, "InvalidBundle", invalid.Error())
}

// save leaves the timeline in the cluster. It gives up quickly: the timeline is in the log, too.
func save(ctx context.Context, log *slog.Logger, timeline *report.Report, live cluster.Client) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := timeline.Save(ctx, live, manifests.Namespace); err != nil {
		log.Warn("the report is not saved: it is in this log only", "error", err)
	}
}

// finish shows the timeline and, after a birth, leaves it in the cluster. On a cluster that lives already
// it writes nothing.
func finish(ctx context.Context, log *slog.Logger, live cluster.Client, timeline *report.Report, planted bool, stdout io.Writer, err error) (string, error) {
	if tableErr := timeline.Table(stdout); tableErr != nil {
		err = errors.Join(err, tableErr)
	}
	if planted { // also when the tree does not stand: the report says why
		save(context.WithoutCancel(ctx), log, timeline, live)
	}
	if err != nil {
		return "", err
	}
	if !planted {
		return fmt.Sprintf("seed: Flux reconciles the tree already; all %d Kustomizations are Ready", len(timeline.Units)), nil
	}
	return fmt.Sprintf("seed: Flux is planted at %s; all %d Kustomizations are Ready", timeline.Revision, len(timeline.Units)), nil
}

// tail keeps the end of a long message: the kubelet takes 4096 bytes.
func tail(message string) string {
	const limit = 4096
	if len(message) <= limit {
		return message
	}
	return "..." + message[len(message)-limit+3:]
}
