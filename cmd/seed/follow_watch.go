package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/report"
)

// Flux's controllers call their text encoding console.
var logEncodings = []string{"json", "text", "console"}

var logLevelNames = []string{"trace", "debug", "info", "error"}

var logLevels = map[string]slog.Level{"trace": slog.LevelDebug - 4, "debug": slog.LevelDebug, "info": slog.LevelInfo, "error": slog.LevelError}

// deploymentFlags are those that only a Deployment needs. They are called as in Flux's controllers.
type deploymentFlags struct {
	metricsAddr, healthAddr string
	logEncoding, logLevel   string
	requirePolicy           bool
	election                leaderelection.Options
	set                     *pflag.FlagSet
}

func (d *deploymentFlags) add(flags *pflag.FlagSet) {
	d.set = pflag.NewFlagSet("deployment", pflag.ContinueOnError)
	d.set.StringVar(&d.metricsAddr, "metrics-addr", ":8080", "with --watch: the address the metric endpoint binds to (/metrics)")
	d.set.StringVar(&d.healthAddr, "health-addr", ":9440", "with --watch: the address the health endpoint binds to (/healthz, /readyz)")
	d.set.StringVar(&d.logEncoding, "log-encoding", "json", "with --watch: json or text (console is the same)")
	d.set.StringVar(&d.logLevel, "log-level", "info", "with --watch: "+strings.Join(logLevelNames, ", "))
	d.set.BoolVar(&d.requirePolicy, "require-policy", false, "with --watch: ask Flux for nothing before the API server has refused this account any other change, as the ValidatingAdmissionPolicy of charts/seed-follow has it do")
	d.election.BindFlags(d.set)
	flags.AddFlagSet(d.set)
}

// check refuses what would be ignored.
func (d *deploymentFlags) check(watch bool) error {
	var err error
	d.set.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed && !watch {
			err = errors.Join(err, fmt.Errorf("--%s is for --watch only", flag.Name))
		}
	})
	if !slices.Contains(logEncodings, d.logEncoding) {
		err = errors.Join(err, fmt.Errorf("--log-encoding %s: it is json or text", d.logEncoding))
	}
	if _, known := logLevels[d.logLevel]; !known {
		err = errors.Join(err, fmt.Errorf("--log-level %s: it is one of %s", d.logLevel, strings.Join(logLevelNames, ", ")))
	}
	return err
}

func (d *deploymentFlags) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: logLevels[d.logLevel]}
	if d.logEncoding == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// run follows for ever, one replica at a time, and serves metrics and health meanwhile. That ctx ends is no error.
func (d *deploymentFlags) run(ctx context.Context, config *rest.Config, f *birth.Following) error {
	f.Log, f.Report = d.logger(), &report.Report{Seed: time.Now()}
	log := logr.FromSlogHandler(f.Log.Handler())
	klog.SetLogger(log) // client-go's own lines
	if err := d.count(f); err != nil {
		return fmt.Errorf("registering the metrics: %w", err)
	}
	group, running := errgroup.WithContext(ctx)
	for _, door := range []struct {
		address string
		handler http.Handler
	}{{d.metricsAddr, metricsHandler()}, {d.healthAddr, healthHandler()}} {
		listener, err := listen(running, door.address) // two at one address are an error too
		if err != nil {
			return err
		}
		group.Go(func() error { return serve(running, listener, door.handler) })
	}
	group.Go(func() error {
		if err := d.lead(logr.NewContext(running, log), config, f.Run); ctx.Err() == nil {
			return fmt.Errorf("following has ended: %w", err)
		}
		return nil // somebody has ended it
	})
	f.Log.Info("seed follows", "version", buildVersion())
	return group.Wait()
}

// count has f tell its metrics.
func (d *deploymentFlags) count(f *birth.Following) error {
	nudges := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "seed_nudges_total", Help: "Requests to look at an object at once, partitioned by its kind and the cause.",
	}, []string{"kind", "cause"})
	f.Nudged = func(kind, cause string) { nudges.WithLabelValues(kind, cause).Inc() }
	if f.RequirePolicy = d.requirePolicy; !f.RequirePolicy {
		return metrics.Registry.Register(nudges)
	}
	policy := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "seed_policy_proven", Help: "1 once the API server has refused this replica any change but the annotation that asks. Before that it asks for nothing.",
	})
	f.Proven = func() { policy.Set(1) }
	return errors.Join(metrics.Registry.Register(nudges), metrics.Registry.Register(policy))
}
