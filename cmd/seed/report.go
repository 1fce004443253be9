package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/page"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

type reportFlags struct {
	file, output, outputFile, compare string
	live                              bool
}

// formats are what --output takes.
var formats = []string{"table", "json", "html"}

func reportCommand() *cobra.Command {
	var flags reportFlags
	command := &cobra.Command{
		Use:   "report [--file FILE | --live] [--output table|json|html]",
		Short: "Show how long each part of the last birth took",
		Long: `Shows the timeline of the last birth: each step and unit from the machine's start, what each waited for,
the critical path, when the first app was online and when everything was.

It reads the ConfigMap seed-system/seed-report of the current kubeconfig context, which dies with the
cluster: keep the file to compare the next birth with it.`,
		Example: `  seed report
  seed report --output json > birth-$(date +%F).json
  seed report --output html --compare birth-2026-11-21.json --output-file birth.html
  seed report --live`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains(formats, flags.output) {
				return fmt.Errorf("--output %s: it is one of %s", flags.output, strings.Join(formats, ", "))
			}
			if flags.compare != "" && flags.output == "json" {
				return fmt.Errorf("--compare shows a comparison as table or html; --output json is the report alone")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return showReport(cmd, flags) },
	}
	f := command.Flags()
	f.StringVar(&flags.file, "file", "", "a report kept as JSON, in place of the cluster's; - reads standard input")
	f.BoolVar(&flags.live, "live", false, "what the Kustomizations' conditions say now: when each last became what it is; what was before is not known")
	f.StringVarP(&flags.output, "output", "o", "table", "table, json or html (one file that needs nothing else)")
	f.StringVar(&flags.outputFile, "output-file", "", "file to write, in place of standard output")
	f.StringVar(&flags.compare, "compare", "", "a report of an earlier birth, kept as JSON: shows what got faster or slower")
	command.MarkFlagsMutuallyExclusive("file", "live")
	command.MarkFlagsMutuallyExclusive("compare", "live")
	return command
}

func showReport(cmd *cobra.Command, flags reportFlags) error {
	r, err := readReport(cmd.Context(), flags, cmd.InOrStdin())
	if err != nil {
		return err
	}
	var earlier *report.Report
	if flags.compare != "" {
		if earlier, err = reportFile(flags.compare, cmd.InOrStdin()); err != nil {
			return err
		}
		if err := errors.Join(ofBirth(r, flags.file), ofBirth(earlier, flags.compare)); err != nil {
			return err
		}
	}
	if flags.outputFile == "" {
		return writeReport(cmd.OutOrStdout(), flags.output, r, earlier)
	}
	var out bytes.Buffer
	err = writeReport(&out, flags.output, r, earlier)
	if err == nil {
		err = writeWhole(flags.outputFile, out.Bytes())
	}
	if err != nil {
		return fmt.Errorf("writing the report to %s: %w", flags.outputFile, err)
	}
	return nil
}

func readReport(ctx context.Context, flags reportFlags, stdin io.Reader) (*report.Report, error) {
	if flags.file != "" {
		return reportFile(flags.file, stdin)
	}
	config, err := cluster.Config()
	if err != nil {
		return nil, fmt.Errorf("%w: set KUBECONFIG, or read a kept report with --file", err)
	}
	live, err := cluster.ForConfig(config)
	if err != nil {
		return nil, err
	}
	if flags.live {
		r, err := birth.Now(ctx, live)
		switch {
		case apimeta.IsNoMatchError(err), apierrors.IsNotFound(err):
			return nil, fmt.Errorf("this cluster has no Flux Kustomizations: Flux is not planted yet (kubectl -n %s get events says why): %w", set.Namespace, err)
		case err == nil && len(r.Units) == 0:
			return nil, fmt.Errorf("this cluster has no Flux Kustomization: Flux is there, but nothing for it to reconcile")
		}
		return r, err
	}
	r, err := report.Load(ctx, live)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("this cluster has no record of a birth: seed leaves one when it plants Flux. "+
			"--live shows the tree as it is now, --file a report that was kept (seed report --output json > birth.json, while its cluster lives): %w", err)
	}
	return r, err
}

// reportFile reads a report that was kept.
func reportFile(name string, stdin io.Reader) (*report.Report, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(stdin)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	r, err := report.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w; \"seed report --output json\" writes one", name, err)
	}
	return r, nil
}

// ofBirth refuses for a comparison what is no record of a birth: its moments would be held against those of one. name is the file
// that it was read from; none is the cluster's own record.
func ofBirth(r *report.Report, name string) error {
	switch name {
	case "":
		name = "ConfigMap " + set.Namespace + "/" + report.ConfigMap
	case "-":
		name = "standard input"
	}
	const next = "--compare needs the records of two births, as \"seed report --output json > birth.json\" keeps them while their clusters live"
	switch {
	case r.Live:
		return fmt.Errorf("comparing births: %s is none, but was read off a running cluster (seed report --live): %s", name, next)
	case r.Following():
		return fmt.Errorf("comparing births: %s is none, but of somebody who followed a cluster that lived already (seed follow): %s", name, next)
	}
	return nil
}

func writeReport(out io.Writer, format string, r, earlier *report.Report) error {
	switch format {
	case "json":
		data, err := r.JSON()
		if err != nil {
			return err
		}
		_, err = out.Write(data)
		return err
	case "html":
		return page.Write(out, r, earlier)
	}
	if r.Live {
		fmt.Fprint(out, "As the conditions say now, in whole seconds. Flux sets the moment anew at each reconciliation; what was before is not known.\n\n")
	}
	if err := r.Table(out); err != nil || earlier == nil {
		return err
	}
	fmt.Fprintln(out)
	return r.Comparison(out, earlier)
}
