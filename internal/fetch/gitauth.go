package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"

	"github.com/fluxcd/pkg/git"
	fluxsecrets "github.com/fluxcd/pkg/runtime/secrets"
	"github.com/fluxcd/pkg/ssh/knownhosts"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/go-logr/logr"
	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/failure"
)

// gitAuth turns the Secret of spec.secretRef into what logs in at the Git server.
// https://fluxcd.io/flux/components/source/gitrepositories/#secret-reference
func (f *fetching) gitAuth(ctx context.Context, repo *sourcev1.GitRepository, u *url.URL) (*git.AuthOptions, error) {
	secret, err := f.secret(ctx, "spec.secretRef", repo.Spec.SecretRef)
	if err != nil {
		return nil, err
	}
	if secret == nil {
		auth, err := git.NewAuthOptions(*u, nil)
		if err == nil && repo.GetProvider() == sourcev1.GitProviderGitHub {
			err = errors.New("spec.provider github needs the data of a GitHub App")
		}
		if err != nil {
			return nil, failure.Blocked(fmt.Errorf("spec.secretRef is not set: %w", err))
		}
		return auth, nil
	}
	auth, err := git.NewAuthOptions(*u, secret.Data)
	if err == nil {
		err = f.checkGitAuth(auth)
	}
	if err != nil {
		return nil, wrongSecret("spec.secretRef", secret, err)
	}
	if repo.GetProvider() == sourcev1.GitProviderGitHub {
		return auth, f.asApp(ctx, secret, auth)
	}
	if len(secret.Data[fluxsecrets.KeyGitHubAppID]) > 0 {
		return nil, wrongSecret("spec.secretRef", secret, errors.New("it holds the data of a GitHub App, which needs spec.provider: github"))
	}
	return auth, nil
}

// checkGitAuth finds what the clone would find later and with fewer words.
func (f *fetching) checkGitAuth(auth *git.AuthOptions) error {
	if auth.Transport != git.SSH {
		if len(auth.ClientCert) > 0 && len(auth.ClientKey) > 0 {
			if _, err := tls.X509KeyPair(auth.ClientCert, auth.ClientKey); err != nil {
				return fmt.Errorf("its keys tls.crt and tls.key: %w", err)
			}
		}
		return nil
	}
	_, err := ssh.ParseRawPrivateKey(auth.Identity)
	if _, missing := errors.AsType[*ssh.PassphraseMissingError](err); missing && auth.Password == "" {
		return errors.New("its key identity is encrypted, and it has no key password with the passphrase")
	}
	if _, err := gitssh.NewPublicKeys(auth.Username, auth.Identity, auth.Password); err != nil {
		return fmt.Errorf("its key identity, with password as the passphrase: %w", err)
	}
	if _, _, err := knownhosts.New(auth.KnownHosts); err != nil {
		return fmt.Errorf("its key known_hosts: %w", err)
	}
	if f.proxy != nil && f.proxy.Scheme != "socks5" {
		return fmt.Errorf("SSH goes through a proxy of the kind socks5 only, and spec.proxySecretRef names one of the kind %s", f.proxy.Scheme)
	}
	return nil
}

// asApp puts a token that GitHub hands to the App's installation into auth.
func (f *fetching) asApp(ctx context.Context, secret *corev1.Secret, auth *git.AuthOptions) error {
	// The library would log a warning where a key has its old name.
	quiet := logr.NewContext(ctx, logr.Discard())
	methods, err := fluxsecrets.AuthMethodsFromSecret(quiet, secret, fluxsecrets.WithTLSSystemCertPool())
	if err == nil && !methods.HasGitHubAppData() {
		_, err = fluxsecrets.GitHubAppDataFromSecret(ctx, secret) // says which key is missing
	}
	var app *gitHubApp
	if err == nil {
		app, err = newGitHubApp(methods.GitHubAppData)
	}
	if err != nil {
		return wrongSecret("spec.secretRef", secret, err)
	}
	app.client = apiClient(methods.TLS, f.proxy)
	token, err := app.token(ctx)
	if err != nil {
		return fmt.Errorf("asking %s for a token of the GitHub App %s: %w", app.api.Redacted(), app.id, err)
	}
	auth.Username, auth.Password, auth.BearerToken = "x-access-token", token.Reveal(), ""
	return nil
}
