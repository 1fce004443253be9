package fetch

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/cyphar/filepath-securejoin"
	"github.com/fluxcd/pkg/git"
	"github.com/fluxcd/pkg/git/gogit"
	"github.com/fluxcd/pkg/git/repository"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/go-git/go-billy/v5/osfs"
	gogitlib "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/tazlab/seed/internal/failure"
)

const leftSignature = "signature: left to source-controller"

// gitRepository clones the revision that repo names into dir and leaves what Flux's artifact would hold.
func gitRepository(ctx context.Context, f *fetching, repo *sourcev1.GitRepository, dir string) (Result, error) {
	u, err := url.Parse(repo.Spec.URL)
	if err != nil {
		return Result{}, failure.Blocked(fmt.Errorf("spec.url is no URL"))
	}
	auth, err := f.gitAuth(ctx, repo, u)
	if err != nil {
		return Result{}, err
	}
	commit, err := clone(ctx, f, repo, auth, dir)
	if err != nil {
		return Result{}, f.explainRef(repo, reveal(err))
	}
	if commit == nil {
		return Result{}, failure.Blocked(fmt.Errorf("the repository is empty, so there is no %s: push a commit", refOf(repo)))
	}
	if err := sparseFolders(repo, dir); err != nil {
		return Result{}, err
	}
	if err := keep(dir, repo.Spec.Ignore, true); err != nil {
		return Result{}, err
	}
	result := Result{Revision: commit.String()}
	if repo.Spec.Reference != nil && repo.Spec.Reference.Name != "" {
		result.Revision = commit.AbsoluteReference()
	}
	if repo.Spec.Verification != nil {
		result.Notes = append(result.Notes, leftSignature)
	}
	return result, nil
}

// clone checks out the commit; nil without an error means that the repository is empty. Git's own folder is
// in dir while it lasts and gone afterwards, for dir is memory.
func clone(ctx context.Context, f *fetching, repo *sourcev1.GitRepository, auth *git.AuthOptions, dir string) (*git.Commit, error) {
	dot := filepath.Join(dir, gogitlib.GitDirName)
	defer func() { _ = os.RemoveAll(dot) }()
	budget := newBudget(ctx, maxFetched)
	objects := boundedFS{osfs.New(dot, osfs.WithBoundOS()), budget}
	options := []gogit.ClientOption{
		gogit.WithStorer(filesystem.NewStorage(objects, cache.NewObjectLRU(maxCached))),
		gogit.WithWorkTreeFS(boundedFS{osfs.New(dir, osfs.WithBoundOS()), budget}),
	}
	if auth.Transport == git.HTTP {
		options = append(options, gogit.WithInsecureCredentialsOverHTTP())
	}
	if f.proxy != nil {
		options = append(options, gogit.WithProxy(transport.ProxyOptions{URL: f.proxy.String()}))
	}
	// The path is what the client removes when it finds the repository empty.
	noteRedirects()
	ctx = context.WithValue(ctx, redirecting{}, f)
	client, err := gogit.NewClient(dot, auth, options...)
	if err != nil {
		return nil, err
	}
	defer client.Close()

	type outcome struct {
		commit *git.Commit
		err    error
	}
	done := make(chan outcome, 1)
	// Connecting by SSH takes no context. What goes on after its end can write nothing any more.
	go func() {
		commit, err := client.Clone(ctx, repo.Spec.URL, cloneConfig(repo))
		done <- outcome{commit, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case o := <-done:
		if budget.over.Load() {
			return nil, tooLarge(repo)
		}
		return o.commit, o.err
	}
}

func cloneConfig(repo *sourcev1.GitRepository) repository.CloneConfig {
	config := repository.CloneConfig{ShallowClone: true}
	if ref := repo.Spec.Reference; ref != nil {
		config.CheckoutStrategy = repository.CheckoutStrategy{
			Branch: ref.Branch, Tag: ref.Tag, SemVer: ref.SemVer, RefName: ref.Name, Commit: ref.Commit,
		}
	}
	for _, folder := range repo.Spec.SparseCheckout {
		config.SparseCheckoutDirectories = append(config.SparseCheckoutDirectories, strings.TrimPrefix(folder, "./"))
	}
	return config
}

// sparseFolders looks that each folder of spec.sparseCheckout is there.
func sparseFolders(repo *sourcev1.GitRepository, dir string) error {
	for _, folder := range repo.Spec.SparseCheckout {
		path, err := securejoin.SecureJoin(dir, folder)
		if err == nil {
			_, err = os.Lstat(path)
		}
		if err != nil {
			return failure.Blocked(fmt.Errorf("spec.sparseCheckout: the repository has no folder %s at %s", folder, refOf(repo)))
		}
	}
	return nil
}

// tooLarge tells the way out of maxFetched.
func tooLarge(repo *sourcev1.GitRepository) error {
	cure := "name the folders that the cluster needs in spec.sparseCheckout, and keep large files out of the repository (spec.ignore and .sourceignore count only after the checkout)"
	if ref := repo.Spec.Reference; ref != nil && ref.Commit != "" {
		cure = "spec.ref.commit fetches the whole history: use a branch or a tag. Else " + cure
	}
	return failure.Blocked(fmt.Errorf("pack and files of the repository take more than %d MiB, and seed holds them in memory: %s", maxFetched>>20, cure))
}
