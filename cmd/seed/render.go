package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/internal/manifests"
	"github.com/tazlab/seed/internal/talos"
)

func renderCommand() *cobra.Command {
	render := &cobra.Command{Use: "render", Short: "Make what carries seed into a cluster", Args: cobra.NoArgs}
	render.AddCommand(renderTalosCommand(), renderManifestsCommand(), jwksCommand())
	return render
}

// inClear is what to know of secrets.
const inClear = `
An identity, where the tree asks for one, is in the output in the clear: such an output belongs into the machine config, never
into Git. With seed.tazlab.net/jwt-identity-id on the store there is none. Secrets are read from
files, from standard input, or from files that SEED_IDENTITY_FILE and SEED_IDENTITY_DIR name, best of a folder in memory;
seed writes them nowhere but into its output.`

func renderTalosCommand() *cobra.Command {
	var flags renderFlags
	version, config := talos.Default, ""
	command := &cobra.Command{
		Use:   "talos --cluster FOLDER [--talos-version VERSION] [--config FILE] [flags]",
		Short: "Print the machine-config patch for one cluster of the tree",
		Long: `Builds the tree as Flux would, cuts the few objects out of it that seed starts from, and prints the patch that brings
them into the machine config of the control planes: cluster.inlineManifests up to Talos 1.13, a document
KubeInlineManifestConfig from 1.14. Each control plane gets the same one; workers need none.

With --config it looks, too, whether that config has what the birth needs. It changes nothing in it.
` + inClear,
		Example: `  seed render talos --cluster clusters/home --identity-file /dev/shm/identity.env --output seed-patch.yaml
  seed render talos --cluster clusters/home --talos-version 1.14 --config controlplane.yaml --output seed-patch.yaml
  talosctl machineconfig patch controlplane.yaml --patch @seed-patch.yaml --output controlplane.yaml`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config != "" {
				if err := checkConfig(version, config, cmd.ErrOrStderr()); err != nil {
					return err
				}
			}
			return render(cmd, flags, func(in *manifests.Input) { in.Talos = true }, func(out []byte) ([]byte, error) {
				return talos.Patch(version, out)
			})
		},
	}
	flags.add(command)
	f := command.Flags()
	f.Var(&version, "talos-version", "the Talos release that the machines run, "+oldestTo(talos.Versions()))
	f.StringVar(&config, "config", "", "a control plane's machine config, to look at what the birth needs there")
	_ = command.RegisterFlagCompletionFunc("talos-version", cobra.FixedCompletions(talos.Versions(), cobra.ShellCompDirectiveNoFileComp))
	_ = command.MarkFlagFilename("config", "yaml", "yml")
	return command
}

func renderManifestsCommand() *cobra.Command {
	var flags renderFlags
	apiServer := ""
	command := &cobra.Command{
		Use:   "manifests --cluster FOLDER [flags]",
		Short: "Print the inline manifest for one cluster of the tree, for other distributions",
		Long: `Builds the tree as Flux would, cuts the few objects out of it that seed starts from, and prints them, wrapped up, as
YAML: Namespace, ServiceAccount, Role, RoleBinding, ClusterRoleBinding, Secrets, ConfigMap, Job. For Talos use "seed
render talos": there the Job reaches the API server without the cluster's network.
` + inClear,
		Example: `  seed render manifests --cluster clusters/home --identity-file /dev/shm/identity.env | kubectl apply -f -
  seed render manifests --cluster clusters/home --api-server 10.0.0.1:6443 --output /var/lib/rancher/k3s/server/manifests/seed.yaml`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return render(cmd, flags, func(in *manifests.Input) { in.APIServer = apiServer }, func(out []byte) ([]byte, error) { return out, nil })
		},
	}
	flags.add(command)
	command.Flags().StringVar(&apiServer, "api-server", "", "HOST:PORT of an API server that the node reaches without the cluster's network; its certificate must name HOST. Without it seed asks at the cluster's Service, which needs kube-proxy or what stands in for it")
	_ = command.RegisterFlagCompletionFunc("api-server", cobra.NoFileCompletions)
	return command
}

// render does what both commands do. Where something is wrong nothing is written.
func render(cmd *cobra.Command, flags renderFlags, how func(*manifests.Input), wrap func([]byte) ([]byte, error)) error {
	in, err := flags.input(cmd.InOrStdin())
	if err != nil {
		return err
	}
	how(&in)
	if in.Bundle, in.Planted, err = cutBundle(cmd.Context(), flags.tree, flags.cluster, cmd.ErrOrStderr()); err != nil {
		return err
	}
	objects, err := manifests.Render(in)
	if err != nil {
		return err
	}
	out, err := wrap(objects)
	if err != nil {
		return err
	}
	return flags.write(out, cmd.OutOrStdout())
}

// checkConfig says what the birth would miss in a machine config.
func checkConfig(version talos.Version, file string, stderr io.Writer) error {
	data, err := readFile(file, talos.MaxConfig)
	if err != nil {
		return fmt.Errorf("reading the machine config: %w", err)
	}
	warnings, err := talos.Check(version, data)
	for _, warning := range warnings {
		fmt.Fprintf(stderr, "seed: warning: the machine config %s: %s\n", file, warning)
	}
	if err != nil {
		return fmt.Errorf("checking the machine config %s: %w", file, err)
	}
	return nil
}

// oldestTo says which of the values can be given.
func oldestTo(newestFirst []string) string {
	return newestFirst[len(newestFirst)-1] + " to " + newestFirst[0]
}
