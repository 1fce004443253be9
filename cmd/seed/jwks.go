package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/talos"
)

// maxSecretsBundle is far above the size of Talos' secrets bundle, which has about 15 kB, in bytes.
const maxSecretsBundle = 1 << 20

// jwksFormats are the values of --format.
var jwksFormats = []string{"text", "json", "pem", "jwks"}

func jwksCommand() *cobra.Command {
	var file, endpoint, format string
	command := &cobra.Command{
		Use:   "jwks --talos-secrets FILE --endpoint URL [--format text|json|pem|jwks]",
		Short: "Print what a vault must know to let seed in without a secret",
		Long: `Derives from Talos' secrets bundle and the cluster's endpoint how the tokens of seed's ServiceAccount will be signed, before
there is a cluster, and prints what to register for them at Infisical's JWT Auth. It asks nobody. Of the bundle's private
key nothing is printed.

Formats: text for people; json has issuer, subject, publicKey, kid and algorithm; pem is the public key; jwks is the key as
a JSON Web Key Set.`,
		Example: `  seed render jwks --talos-secrets secrets.yaml --endpoint https://10.0.0.1:6443
  sops -d secrets.yaml | seed render jwks --talos-secrets - --endpoint https://10.0.0.1:6443 --format json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := readSecretsBundle(file, cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("reading Talos' secrets bundle: %w", err)
			}
			r, err := talos.Register(data, endpoint)
			if err != nil {
				return err
			}
			out, err := registration(r, format)
			if err == nil {
				_, err = cmd.OutOrStdout().Write(out)
			}
			return err
		},
	}
	f := command.Flags()
	f.StringVar(&file, "talos-secrets", "", "Talos' secrets bundle, as \"talosctl gen secrets\" writes it; - reads standard input")
	f.StringVar(&endpoint, "endpoint", "", "the cluster's endpoint, exactly as in cluster.controlPlane.endpoint: https://HOST:6443")
	f.StringVar(&format, "format", "text", strings.Join(jwksFormats, ", "))
	_ = command.MarkFlagRequired("talos-secrets")
	_ = command.MarkFlagRequired("endpoint")
	_ = command.MarkFlagFilename("talos-secrets", "yaml", "yml")
	_ = command.RegisterFlagCompletionFunc("endpoint", cobra.NoFileCompletions)
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(jwksFormats, cobra.ShellCompDirectiveNoFileComp))
	command.PreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains(jwksFormats, format) {
			return fmt.Errorf("--format %s: it is %s", format, strings.Join(jwksFormats, ", "))
		}
		return nil
	}
	return command
}

func readSecretsBundle(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		return readAll(stdin, "standard input", maxSecretsBundle)
	}
	return readFile(file, maxSecretsBundle)
}

func registration(r *talos.Registration, format string) ([]byte, error) {
	switch format {
	case "json":
		out, err := json.MarshalIndent(r, "", "  ")
		return append(out, '\n'), err
	case "pem":
		return []byte(r.PublicKey), nil
	case "jwks":
		out, err := r.JWKS()
		return append(out, '\n'), err
	}
	return fmt.Appendf(nil, registrationText, r.Algorithm, r.KeyID, r.PublicKey, r.Issuer, r.Subject, bundle.JWTIdentityAnnotation), nil
}

// registrationText names Infisical's fields as its API does; its pages have the same words
// (https://infisical.com/docs/api-reference/endpoints/jwt-auth/attach).
const registrationText = `Register at Infisical, in the JWT Auth of one machine identity for this cluster alone:

configurationType  static
publicKeys         this one (%s, kid %s):
%sboundIssuer        %s
boundSubject       %s
boundAudiences     (leave it empty)

Then give the identity read access to the folders that the cluster needs, a short accessTokenTTL (600), and write its ID on
the ClusterSecretStore:  %s: <ID>

Traps:
- Infisical answers 500 while boundAudiences is set: the aud of a Kubernetes token is a list
  (https://github.com/Infisical/infisical/issues/7462). Issuer, subject and key bind it instead.
- The issuer is the endpoint, byte for byte, unless the config sets another: apiServer.extraArgs service-account-issuer, or
  issuerURL in KubeServiceAccountConfig from Talos 1.14. Then register that one.
- A new secrets bundle has a new key: register it before the cluster is born. With the same bundle and endpoint a cluster
  can be born again with nothing to do here.
- Any token of that ServiceAccount is let in, whatever its audience: let no other Pod use it.
- Infisical allows for no difference between its clock and the API server's: let the nodes use NTP.
`
