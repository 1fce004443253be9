package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/fetch"
	"github.com/tazlab/seed/internal/manifests"
	"github.com/tazlab/seed/internal/notify"
	"github.com/tazlab/seed/internal/secret"
)

// maxSetting is the size of a file with certificates or a pull secret, in bytes: a ConfigMap and a Secret take 1 MiB.
const maxSetting = 1 << 20

// renderFlags are those of every command that makes an inline manifest.
type renderFlags struct {
	tree, cluster             string
	identityFile, identityDir string
	image, pullSecretFile     string
	caFile, proxy, noProxy    string
	mirrors                   fetch.Mirrors
	eventsAddr                notify.Address
	until                     birth.Goals
	deadline                  time.Duration
	output                    string
}

func (r *renderFlags) add(command *cobra.Command) {
	f := command.Flags()
	f.StringVar(&r.tree, "tree", ".", "folder that holds the whole tree, as the Git repository does")
	f.StringVar(&r.cluster, "cluster", "", "the cluster's folder in the tree, as the root Kustomization's spec.path names it")
	f.StringVar(&r.identityFile, "identity-file", "", "file with KEY=VALUE lines: what the store logs in with (clientId, clientSecret), or the source's Secret where no ExternalSecret brings it (username, password); - reads standard input. Default: the file that SEED_IDENTITY_FILE names")
	f.StringVar(&r.identityDir, "identity-dir", "", "folder with a file for each key, for values of many lines (identity, known_hosts); with several Secrets, a folder in it for each, by name. Default: the folder that SEED_IDENTITY_DIR names")
	f.StringVar(&r.caFile, "ca-file", "", "file with PEM certificates of authorities that count, beside the public ones, for all that seed asks: vault, Git server, registry")
	f.StringVar(&r.image, "image", ownImage(), "seed's own image")
	f.StringVar(&r.pullSecretFile, "pull-secret-file", "", "a Docker config.json with the credential for the registry of seed's image (it counts for nothing else)")
	f.Var(&r.mirrors, "registry-mirror", "take seed's image, and the OCI artifacts that seed fetches, from MIRROR[/PREFIX] where they name HOST; can be repeated. Flux and Talos are not changed: they have settings of their own for mirrors")
	f.StringVar(&r.proxy, "proxy", "", "URL of a proxy, without a user, for what seed asks over HTTP; Git over SSH cannot use it")
	f.StringVar(&r.noProxy, "no-proxy", "", "hosts, domains (.lan) and networks that seed asks without the proxy, with commas. The API server is one always; elsewhere than on Talos add the Service range if the vault or Git is in the cluster's network")
	f.Var(&r.eventsAddr, "events-addr", "notification-controller's receiver of events, to tell a chat how the birth went: http://notification-controller.flux-system.svc.cluster.local./. Default: nobody is told")
	f.Var(&r.until, "until", "let the birth end when this is Ready, KIND/NAME or KIND/NAMESPACE/NAME, without a namespace in the root's; can be repeated. The rest of the tree is not waited for then, nor is the report's moment \"everything\". Default: all Kustomizations of the tree")
	f.DurationVar(&r.deadline, "deadline", 0, "let the birth end, with a failed Job and without rights, when that is not Ready so long after Flux was planted; Flux goes on. 0 waits without limit")
	f.StringVar(&r.output, "output", "", "file to write with mode 0600, whole or not at all. Default: standard output")
	_ = command.MarkFlagRequired("cluster")
	if ownImage() == "" { // a build that is no release has no published image
		_ = command.MarkFlagRequired("image")
	}
	for _, folder := range []string{"tree", "cluster", "identity-dir"} {
		_ = command.MarkFlagDirname(folder)
	}
	for _, value := range []string{"image", "registry-mirror", "proxy", "no-proxy", "events-addr", "until", "deadline"} {
		_ = command.RegisterFlagCompletionFunc(value, cobra.NoFileCompletions)
	}
	command.MarkFlagsMutuallyExclusive("identity-file", "identity-dir")
}

// input reads the files that the flags name.
func (r *renderFlags) input(stdin io.Reader) (in manifests.Input, err error) {
	in = manifests.Input{Image: r.image, Mirrors: r.mirrors, Proxy: r.proxy, NoProxy: r.noProxy, EventsAddr: r.eventsAddr, Until: r.until, Deadline: r.deadline}
	if err := r.fromEnvironment(); err != nil {
		return in, err
	}
	if in.Identity, err = readIdentity(*r, stdin); err != nil {
		return in, err
	}
	if r.caFile != "" {
		if in.CA, err = readFile(r.caFile, maxSetting); err != nil {
			return in, fmt.Errorf("reading the authorities: %w", err)
		}
	}
	if r.pullSecretFile != "" {
		config, err := readFile(r.pullSecretFile, maxSetting)
		if err != nil {
			return in, fmt.Errorf("reading the pull secret: %w", err)
		}
		in.PullSecret = secret.New(string(config))
	}
	return in, nil
}

// fromEnvironment takes the place of the identity from the environment where no flag names it.
func (r *renderFlags) fromEnvironment() error {
	file, dir := os.Getenv("SEED_IDENTITY_FILE"), os.Getenv("SEED_IDENTITY_DIR")
	switch {
	case r.identityFile != "" || r.identityDir != "":
		return nil
	case file != "" && dir != "":
		return errors.New("SEED_IDENTITY_FILE and SEED_IDENTITY_DIR are both set: unset one")
	}
	r.identityFile, r.identityDir = file, dir
	return nil
}

// readFile reads a file that is no larger than limit, in bytes, and not empty: who names a file means what is in it.
func readFile(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readAll(f, file, limit)
}

// readAll is readFile of what is open already; name is for its errors.
func readAll(in io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0:
		return nil, fmt.Errorf("%s is empty", name)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%s has more than %d bytes: is it the right file?", name, limit)
	}
	return data, nil
}

// ownImage is the image that belongs to this build; only a release has one.
func ownImage() string {
	v := buildVersion()
	if !semver.IsValid(v) || semver.Prerelease(v) != "" || semver.Build(v) != "" {
		return ""
	}
	return "ghcr.io/tazlab/seed:" + v
}
