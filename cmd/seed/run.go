package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/fetch"
	"github.com/tazlab/seed/internal/lease"
	"github.com/tazlab/seed/internal/manifests"
	"github.com/tazlab/seed/internal/notify"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

type runFlags struct {
	set                                          string
	configDir, tokenDir, workDir, terminationLog string
	mirrors                                      fetch.Mirrors
	eventsAddr                                   notify.Address
	until                                        birth.Goals
	deadline                                     time.Duration
}

// isSet is what the label of a set's objects looks like.
var isSet = regexp.MustCompile("^[0-9a-f]{10}$")

func runCommand() *cobra.Command {
	var flags runFlags
	command := &cobra.Command{
		Use:   "run",
		Short: "Claim, fetch, build, apply, follow, let go (in the cluster)",
		Args:  cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if flags.set != "" && !isSet.MatchString(flags.set) {
				return fmt.Errorf("--set: %q is no set, which has ten digits of 0-9 and a-f", flags.set)
			}
			if flags.deadline < 0 {
				return fmt.Errorf("--deadline %s: it is no time that can pass", flags.deadline)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			summary, err := run(cmd.Context(), flags, cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err != nil {
				summary = "error: " + err.Error()
			}
			if writeErr := flags.terminate(summary); writeErr != nil {
				err = errors.Join(err, writeErr)
			}
			return err
		},
	}
	f := command.Flags()
	f.StringVar(&flags.set, "set", "", "the inline manifest that this run is of, as its objects are labelled; none: take no Lease and let nothing go at the end")
	f.StringVar(&flags.configDir, "config-dir", manifests.ConfigDir, "folder with "+manifests.BundleKey+" and, for private servers, "+manifests.CAKey)
	f.StringVar(&flags.tokenDir, "token-dir", claim.TokenDir, "folder with seed's own tokens for vaults, HOST/token each")
	f.StringVar(&flags.workDir, "work-dir", os.TempDir(), "folder for fetched files; use a tmpfs")
	f.Var(&flags.mirrors, "registry-mirror", "fetch OCI artifacts of HOST from MIRROR instead; can be repeated")
	f.Var(&flags.eventsAddr, "events-addr", "notification-controller's receiver of events, to tell a chat how the birth went, as for Flux's controllers")
	f.Var(&flags.until, "until", "end when this is Ready, KIND/NAME or KIND/NAMESPACE/NAME, without a namespace in the root's; can be repeated. The rest of the tree is not waited for then, nor is the report's moment \"everything\". Default: all Kustomizations of the tree")
	f.DurationVar(&flags.deadline, "deadline", 0, "let go and end with exit code 4 when that is not Ready so long after Flux was planted. 0 waits without limit")
	f.StringVar(&flags.terminationLog, "termination-log", "/dev/termination-log", "file for the one line that the Pod's status shows")
	return command
}

// terminate writes the termination message. It stands alone: logs may not be readable on a newborn node.
func (f runFlags) terminate(message string) error {
	err := os.WriteFile(f.terminationLog, []byte(tail("seed: "+message)), 0o600)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing the termination message: %w", err)
	}
	return nil
}

// run does the birth and returns the line that sums it up.
func run(ctx context.Context, flags runFlags, stdout, stderr io.Writer) (string, error) {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	log.Info("seed starts", "version", buildVersion(), "set", flags.set)
	b := &birth.Birth{Set: set.Set(flags.set), Log: log, Report: &report.Report{Seed: time.Now()}}
	parsed, stored, invalid := readConfig(flags.configDir)
	if err := connect(b, flags); err != nil {
		if invalid != nil {
			log.Warn("no API server to record an Event at", "error", err)
			return "", invalid
		}
		return "", err
	}
	if failure.IsInvalid(invalid) {
		invalid = b.GiveUp(ctx, invalid)
	}
	if invalid != nil {
		return "", invalid
	}
	work, err := os.MkdirTemp(flags.workDir, "seed-")
	if err != nil {
		return "", fmt.Errorf("making a work folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	b.Bundle, b.Vault, b.WorkDir = parsed, claim.HTTPClient(nil), work
	b.TokenDir, b.Mirrors, b.EventsAddr = flags.tokenDir, flags.mirrors, flags.eventsAddr
	b.Until, b.Deadline = flags.until, flags.deadline
	b.Config, b.ConfigData = types.NamespacedName{Namespace: set.Namespace, Name: b.Set.Name()}, stored
	summary, err := b.Run(ctx)
	if len(b.Report.Steps) > 0 {
		err = errors.Join(err, b.Report.Table(stdout))
	}
	return summary, err
}

// connect gives b what it needs of the API server.
func connect(b *birth.Birth, flags runFlags) error {
	config, err := cluster.Config()
	if err != nil {
		return err
	}
	if b.Cluster, err = cluster.ForConfig(config); err != nil {
		return err
	}
	if b.Lease, err = lease.New(config, b.Cluster, holder(), b.Log); err != nil {
		return err
	}
	// Who is stuck says so wherever people look; the message is the Pod's should it be ended now.
	b.Waiting = func(message string) {
		if err := flags.terminate(message); err != nil {
			b.Log.Warn("nobody is told", "error", err)
		}
	}
	event := cluster.Events(b.Cluster, set.Namespace, b.Log)
	b.Event = func(ctx context.Context, reason, message string) {
		event(ctx, reason, message)
		b.Waiting(reason + ": " + message)
	}
	return nil
}

// holder is who wants to hold the Lease: the Pod, or a process on somebody's desk.
func holder() string {
	if pod := os.Getenv("POD_NAME"); pod != "" {
		return pod
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "_" + rand.Text()
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

// tail keeps the end of a long message: the kubelet takes 4096 bytes.
func tail(message string) string {
	const limit = 4096
	if len(message) <= limit {
		return message
	}
	return "..." + message[len(message)-limit+3:]
}
