// Package fetch brings the files of a GitRepository or an OCIRepository into a folder, as
// source-controller does: same credential, same ref, same ignore rules, no symlinks.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/fluxcd/pkg/git"
	"github.com/fluxcd/pkg/git/gogit"
	"github.com/fluxcd/pkg/git/repository"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/tazlab/seed/internal/failure"
)

// defaultTimeout is the default of spec.timeout of Flux' sources.
const defaultTimeout = 60 * time.Second

// Git clones the revision that repo names into dir, which must be empty, with the data of the Secret
// that spec.secretRef names (nil without one). It returns the revision as source-controller spells it,
// for example "main@sha1:…". A refused credential is marked failure.Blocked.
func Git(ctx context.Context, repo *sourcev1.GitRepository, credential map[string][]byte, dir string) (string, error) {
	doing := fmt.Sprintf("fetching GitRepository %s/%s from %s", repo.Namespace, repo.Name, repo.Spec.URL)
	u, err := url.Parse(repo.Spec.URL)
	if err != nil {
		return "", failure.Blocked(fmt.Errorf("%s: spec.url: %w", doing, err))
	}
	auth, err := git.NewAuthOptions(*u, credential)
	if err != nil {
		return "", failure.Blocked(fmt.Errorf("%s: the Secret %s: %w", doing, secretName(repo), err))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout(repo))
	defer cancel()
	commit, err := clone(ctx, repo, auth, dir)
	if err != nil {
		return "", classify(doing, repo, err)
	}
	if err := dropIgnored(dir, repo.Spec.Ignore); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	return commit.String(), nil
}

func clone(ctx context.Context, repo *sourcev1.GitRepository, auth *git.AuthOptions, dir string) (*git.Commit, error) {
	options := []gogit.ClientOption{gogit.WithDiskStorage()}
	if auth.Transport == git.HTTP {
		options = append(options, gogit.WithInsecureCredentialsOverHTTP())
	}
	client, err := gogit.NewClient(dir, auth, options...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	config := repository.CloneConfig{ShallowClone: true, SparseCheckoutDirectories: repo.Spec.SparseCheckout}
	if ref := repo.Spec.Reference; ref != nil {
		config.CheckoutStrategy = repository.CheckoutStrategy{
			Branch: ref.Branch, Tag: ref.Tag, SemVer: ref.SemVer, RefName: ref.Name, Commit: ref.Commit,
		}
	}
	return client.Clone(ctx, repo.Spec.URL, config)
}

// classify says which side refused and what to do.
func classify(doing string, repo *sourcev1.GitRepository, err error) error {
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return failure.Blocked(fmt.Errorf("%s: the Git server refuses the credential in the Secret %s: %w (renew the token at the vault)", doing, secretName(repo), err))
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return failure.Blocked(fmt.Errorf("%s: %w (check spec.url; many servers also answer so when the token may not read the repository)", doing, err))
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func secretName(repo *sourcev1.GitRepository) string {
	if repo.Spec.SecretRef == nil {
		return "(none)"
	}
	return repo.Namespace + "/" + repo.Spec.SecretRef.Name
}

func timeout(repo *sourcev1.GitRepository) time.Duration {
	if repo.Spec.Timeout == nil {
		return defaultTimeout
	}
	return repo.Spec.Timeout.Duration
}
