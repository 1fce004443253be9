package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/fetch"
	"github.com/tazlab/seed/internal/manifests"
)

type renderFlags struct{ tree, cluster, identityFile, identityDir, vaultCAFile, image string }

func renderCommand() *cobra.Command {
	render := &cobra.Command{Use: "render", Short: "Make what carries seed into a cluster", Args: cobra.NoArgs}
	var flags renderFlags
	command := &cobra.Command{
		Use:   "manifests --cluster FOLDER [--identity-file FILE | --identity-dir DIR]",
		Short: "Print the inline manifest for one cluster of the tree",
		Long: `Builds the tree as Flux would, cuts the few objects out of it that seed starts from, and prints the
inline manifest: Namespace, ServiceAccount, ClusterRoleBinding, identity Secret, ConfigMap, Job.

The output holds the identity in the clear: put it into the machine config, never into Git.`,
		Example: `  seed render manifests --cluster clusters/home --identity-file identity.env > seed.yaml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return renderManifests(cmd.Context(), flags, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := command.Flags()
	f.StringVar(&flags.tree, "tree", ".", "folder that holds the whole tree, as the Git repository does")
	f.StringVar(&flags.cluster, "cluster", "", "the cluster's folder in the tree, as the root Kustomization's spec.path names it")
	f.StringVar(&flags.identityFile, "identity-file", "", "file with KEY=VALUE lines: what the store logs in with (clientId, clientSecret), or the source's Secret where no ExternalSecret brings it (username, password); - reads standard input")
	f.StringVar(&flags.identityDir, "identity-dir", "", "folder with a file for each key, for values of many lines (identity, known_hosts); with several Secrets, a folder in it for each, by name")
	f.StringVar(&flags.vaultCAFile, "vault-ca-file", "", "file with PEM certificates that vouch for the vault, beside the public ones")
	f.StringVar(&flags.image, "image", ownImage(), "seed's own image")
	_ = command.MarkFlagRequired("cluster")
	if ownImage() == "" { // a build that is no release has no published image
		_ = command.MarkFlagRequired("image")
	}
	_ = command.MarkFlagDirname("tree")
	_ = command.MarkFlagDirname("identity-dir")
	command.MarkFlagsMutuallyExclusive("identity-file", "identity-dir")
	render.AddCommand(command, jwksCommand())
	return render
}

func renderManifests(ctx context.Context, flags renderFlags, stdin io.Reader, stdout, stderr io.Writer) error {
	in := manifests.Input{Image: flags.image}
	var err error
	if in.Identity, err = readIdentity(flags, stdin); err != nil {
		return err
	}
	if flags.vaultCAFile != "" {
		if in.VaultCA, err = os.ReadFile(flags.vaultCAFile); err != nil {
			return fmt.Errorf("reading the vault's CA: %w", err)
		}
	}
	if len(in.VaultCA) > 0 && !x509.NewCertPool().AppendCertsFromPEM(in.VaultCA) {
		return fmt.Errorf("reading the vault's CA: %s holds no PEM certificate", flags.vaultCAFile)
	}
	if in.Bundle, in.Planted, err = cutBundle(ctx, flags.tree, flags.cluster, stderr); err != nil {
		return err
	}
	out, err := manifests.Render(in)
	if err != nil {
		return err
	}
	_, err = stdout.Write(out)
	return err
}

// cutBundle builds a copy of the tree, so that nothing of the user's is touched, cuts the bundle out and
// returns it with the claims of the planted units.
func cutBundle(ctx context.Context, tree, cluster string, stderr io.Writer) ([]byte, []bundle.Claim, error) {
	dir, err := os.MkdirTemp("", "seed-render-")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := fetch.Local(tree, dir); err != nil {
		return nil, nil, fmt.Errorf("reading the tree %s: %w", tree, err)
	}
	// The root Kustomization is known only once its folder is built; a stand-in builds it the first time.
	first := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: cluster}, Spec: kustomizev1.KustomizationSpec{Path: cluster}}
	objects, err := build.Kustomization(ctx, first, dir, nil)
	if err != nil {
		return nil, nil, err
	}
	found, err := bundle.FindRoot(objects, cluster)
	if err != nil {
		return nil, nil, err
	}
	key := types.NamespacedName{Namespace: found.GetNamespace(), Name: found.GetName()}
	root := build.Units([]*unstructured.Unstructured{found})[0]
	if root.Unknown != nil {
		return nil, nil, root.Unknown
	}
	built, err := build.NewTree(ctx, root.Kustomization, dir, nil)
	if err != nil {
		return nil, nil, err
	}
	data, err := bundle.Cut(built.All(), key)
	for name, failed := range built.Failed {
		if errors.Is(failed, build.ErrMissing) {
			continue // an error below
		}
		fmt.Fprintf(stderr, "seed: warning: unit %s was left out: %v\n", name, failed)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cutting the bundle out of %s: %w", cluster, err)
	}
	claims, err := birth.Check(built, root.Kustomization)
	if err != nil {
		return nil, nil, fmt.Errorf("checking what seed would plant in %s: %w", cluster, err)
	}
	return data, claims, nil
}

// ownImage is the image that belongs to this build; only a release has one.
func ownImage() string {
	v := buildVersion()
	if !semver.IsValid(v) || semver.Prerelease(v) != "" || semver.Build(v) != "" {
		return ""
	}
	return "ghcr.io/tazlab/seed:" + v
}
