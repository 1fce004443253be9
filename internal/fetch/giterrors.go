package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"

	"github.com/fluxcd/pkg/git"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	gittransport "github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/tazlab/seed/internal/failure"
)

// revealed is an error of go-git's with the cause that it hides.
type revealed struct {
	error
	cause error
}

func (r revealed) Unwrap() error { return r.cause }

// reveal finds the cause: some errors of go-git have no Unwrap, and of what was wrong with the beginning of a
// pack it keeps the text only.
func reveal(err error) error {
	if unexpected, ok := errors.AsType[*plumbing.UnexpectedError](err); ok {
		return revealed{err, unexpected.Err}
	}
	text := err.Error()
	if strings.Contains(text, "error decoding upload-pack response: ") {
		for _, cause := range []error{io.ErrUnexpectedEOF, syscall.ECONNRESET, context.DeadlineExceeded, pktline.ErrInvalidPktLen} {
			if strings.HasSuffix(text, cause.Error()) {
				return revealed{err, cause}
			}
		}
	}
	return err
}

// notGit is the cure of an answer that is none of a Git server's. go-git's redirects are known by their texts only.
func notGit(err error) string {
	said := err.Error()
	_, other := errors.AsType[*packp.ErrUnexpectedData](err)
	switch {
	case strings.Contains(said, "http redirect: too many redirects"):
		return "the server redirects in a circle: check spec.url, and look at the server and any proxy in front of it"
	case strings.Contains(said, "http redirect: "):
		return "the server redirects to what is no Git repository, as to a page for signing in: check spec.url, or let it name the address that answers"
	case other, errors.Is(err, pktline.ErrInvalidPktLen), errors.Is(err, packp.ErrEmptyInput):
		return "this is no answer of a Git server: mostly a page of HTML that came back, or nothing: check that spec.url is the address of a Git repository, and what is in front of the server"
	}
	return ""
}

// redirecting is the key of the *fetching in its context.
type redirecting struct{}

// noteRedirects lets go-git's HTTP client note in a fetch where the server redirected to. It drops the credential at
// another address, and its errors do not say so. There is no way into it but this one, which is the process's.
var noteRedirects = sync.OnceFunc(func() {
	noting := githttp.NewClient(&http.Client{
		Transport: http.DefaultTransport, // as go-git's own
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if f, ok := to.Context().Value(redirecting{}).(*fetching); ok {
				f.redirected.Store(nil)
				if to.URL.Host != via[0].URL.Host {
					f.redirected.Store(&to.URL.Host)
				}
			}
			return nil
		},
	})
	client.InstallProtocol("http", noting)
	client.InstallProtocol("https", noting)
})

// elsewhere is the other host to which the Git server redirected; "" if it did not.
func (f *fetching) elsewhere() string {
	if host := f.redirected.Load(); host != nil {
		return *host
	}
	return ""
}

// refOf names the field that decides what is checked out: the first of commit, name, tag, semver, branch. (The
// API's documentation has semver before tag; source-controller's code has not.)
func refOf(repo *sourcev1.GitRepository) string {
	if ref := repo.Spec.Reference; ref != nil {
		if ref.Commit != "" && ref.Branch != "" {
			return fmt.Sprintf("spec.ref.commit %q in spec.ref.branch %q", ref.Commit, ref.Branch)
		}
		for _, field := range []struct{ name, value string }{
			{"commit", ref.Commit}, {"name", ref.Name}, {"tag", ref.Tag}, {"semver", ref.SemVer}, {"branch", ref.Branch},
		} {
			if field.value != "" {
				return fmt.Sprintf("spec.ref.%s %q", field.name, field.value)
			}
		}
	}
	return fmt.Sprintf("branch %q, the default of spec.ref", git.DefaultBranch)
}

// explainRef tells a ref that is not there from a repository that is not there.
func (f *fetching) explainRef(repo *sourcev1.GitRepository, err error) error {
	missing, isMissing := errors.AsType[git.ErrRepositoryNotFound](err)
	hasCommit := repo.Spec.Reference != nil && repo.Spec.Reference.Commit != ""
	said := err.Error()
	switch {
	case errors.Is(err, gittransport.ErrEmptyRemoteRepository), isMissing && strings.Contains(missing.Message, "remote repository is empty"):
		return failure.Blocked(fmt.Errorf("the repository is empty, so there is no %s: push a commit", refOf(repo)))
	case strings.Contains(said, "couldn't find remote ref"),
		hasCommit && errors.Is(err, plumbing.ErrObjectNotFound),
		strings.Contains(said, "no match found for semver"),
		strings.Contains(said, "unable to resolve ref '"):
		return failure.Blocked(fmt.Errorf("the repository has no %s: correct spec.ref or push it", refOf(repo)))
	case isMissing, errors.Is(err, gittransport.ErrRepositoryNotFound):
		return failure.Blocked(fmt.Errorf("%w (check spec.url; many servers also answer so when the credential may not read the repository%s)", brief{err}, f.way()))
	}
	return err
}
