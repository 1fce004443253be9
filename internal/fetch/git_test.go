package fetch_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
)

// history is a repository with branches, tags and a pull request.
func history(t *testing.T) (*repo, map[string]string) {
	t.Helper()
	r := newRepo(t)
	hash := map[string]string{
		"first": r.commit("refs/heads/main", map[string]string{"f": "first"}),
	}
	r.tag("v1.0.0", "refs/heads/main")
	hash["second"] = r.commit("refs/heads/main", map[string]string{"f": "second"})
	r.git("", "update-ref", "refs/tags/v1.2.0", hash["second"])
	hash["side"] = r.commit("refs/heads/side", map[string]string{"f": "side"})
	r.tag("v2.0.0-rc.1", "refs/heads/side")
	hash["last"] = r.commit("refs/heads/main", map[string]string{"f": "last"})
	r.git("", "update-ref", "refs/heads/master", hash["first"])
	return r, hash
}

func TestGitRefs(t *testing.T) {
	t.Parallel()
	r, hash := history(t)
	url := serve(t, r.backend()) + "/tree.git"
	for name, test := range map[string]struct {
		ref            *sourcev1.GitRepositoryRef
		commit, prefix string
	}{
		"no ref":                   {nil, "first", "master@sha1:"},
		"branch":                   {&sourcev1.GitRepositoryRef{Branch: "side"}, "side", "side@sha1:"},
		"annotated tag":            {&sourcev1.GitRepositoryRef{Tag: "v1.0.0", Branch: "side"}, "first", "v1.0.0@sha1:"},
		"light tag":                {&sourcev1.GitRepositoryRef{Tag: "v1.2.0"}, "second", "v1.2.0@sha1:"},
		"semver":                   {&sourcev1.GitRepositoryRef{SemVer: ">=1.0.0", Branch: "side"}, "second", "v1.2.0@sha1:"},
		"tag before semver":        {&sourcev1.GitRepositoryRef{SemVer: ">=1.0.0", Tag: "v1.0.0"}, "first", "v1.0.0@sha1:"},
		"semver with prerelease":   {&sourcev1.GitRepositoryRef{SemVer: ">=1.0.0-0"}, "side", "v2.0.0-rc.1@sha1:"},
		"name of a branch":         {&sourcev1.GitRepositoryRef{Name: "refs/heads/side", SemVer: ">=1"}, "side", "refs/heads/side@sha1:"},
		"name of a tag":            {&sourcev1.GitRepositoryRef{Name: "refs/tags/v1.0.0"}, "first", "refs/tags/v1.0.0@sha1:"},
		"commit":                   {&sourcev1.GitRepositoryRef{Commit: hash["second"], Tag: "v1.0.0"}, "second", "sha1:"},
		"commit of a branch":       {&sourcev1.GitRepositoryRef{Commit: hash["second"], Branch: "main"}, "second", "main@sha1:"},
		"commit of another branch": {&sourcev1.GitRepositoryRef{Commit: hash["side"]}, "side", "sha1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := gitSource(url)
			source.Spec.Reference = test.ref
			result, files := get(t, source, nil)
			if want := test.prefix + hash[test.commit]; result.Revision != want {
				t.Errorf("revision %s, want %s", result.Revision, want)
			}
			if want := []string{"f=" + test.commit}; !slices.Equal(files, want) {
				t.Errorf("files %q, want %q: nothing of .git either", files, want)
			}
		})
	}
}

func TestGitRefsThatAreNotThere(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	server := serve(t, r.backend())
	empty := serve(t, newRepo(t).backend())
	for name, test := range map[string]struct {
		url  string
		ref  sourcev1.GitRepositoryRef
		want string
	}{
		"branch":             {server, sourcev1.GitRepositoryRef{Branch: "nope"}, `the repository has no spec.ref.branch "nope"`},
		"tag":                {server, sourcev1.GitRepositoryRef{Tag: "nope"}, `the repository has no spec.ref.tag "nope"`},
		"semver":             {server, sourcev1.GitRepositoryRef{SemVer: ">9"}, `the repository has no spec.ref.semver ">9"`},
		"name":               {server, sourcev1.GitRepositoryRef{Name: "refs/heads/nope"}, `the repository has no spec.ref.name "refs/heads/nope"`},
		"commit":             {server, sourcev1.GitRepositoryRef{Commit: strings.Repeat("a", 40)}, `the repository has no spec.ref.commit "aaaa`},
		"commit of branch":   {server, sourcev1.GitRepositoryRef{Branch: "nope", Commit: "aaaa"}, `the repository has no spec.ref.commit "aaaa" in spec.ref.branch "nope"`},
		"empty, no ref":      {empty, sourcev1.GitRepositoryRef{}, `the repository is empty, so there is no branch "master"`},
		"empty, branch":      {empty, sourcev1.GitRepositoryRef{Branch: "main"}, `the repository is empty, so there is no spec.ref.branch "main"`},
		"empty, tag":         {empty, sourcev1.GitRepositoryRef{Tag: "v1"}, "the repository is empty"},
		"empty, semver":      {empty, sourcev1.GitRepositoryRef{SemVer: ">1"}, "the repository is empty"},
		"empty, name":        {empty, sourcev1.GitRepositoryRef{Name: "refs/heads/main"}, "the repository is empty"},
		"empty, commit":      {empty, sourcev1.GitRepositoryRef{Commit: strings.Repeat("a", 40)}, "the repository is empty"},
		"no repository":      {server + "/no", sourcev1.GitRepositoryRef{Branch: "main"}, "check spec.url"},
		"no repository name": {server + "/no", sourcev1.GitRepositoryRef{Name: "refs/heads/main"}, "check spec.url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, gitSource(test.url+"/tree.git", ref(test.ref)), nil, true, "fetching GitRepository flux-system/tree from "+test.url, test.want)
		})
	}
}

func TestGitOverHTTP(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	ca := newAuthority(t)
	git := r.backend()
	guardedGit := guarded(git, basic("git", password))
	https := ca.https(guardedGit)
	mutual := ca.serve(guardedGit, "127.0.0.1", time.Now().Add(time.Hour), true)
	cert, key := ca.issue("seed", time.Now().Add(time.Hour))
	bearer := serve(t, guarded(git, func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+password }))
	for name, test := range map[string]struct {
		url   string
		login map[string]string
	}{
		"https":            {https, map[string]string{"username": "git", "password": password, "ca.crt": ca.pem()}},
		"https, old name":  {https, map[string]string{"username": "git", "password": password, "caFile": ca.pem()}},
		"http":             {serve(t, guardedGit), map[string]string{"username": "git", "password": password}},
		"bearer":           {bearer, map[string]string{"bearerToken": password}},
		"client's own key": {mutual, map[string]string{"username": "git", "password": password, "ca.crt": ca.pem(), "tls.crt": cert, "tls.key": key}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, files := get(t, gitSource(test.url+"/tree.git", login), secrets{"login": test.login}); !slices.Equal(files, []string{"f=last"}) {
				t.Errorf("files %q", files)
			}
		})
	}
}

func TestGitOverHTTPErrors(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	ca := newAuthority(t)
	handler := guarded(r.backend(), basic("git", password))
	hour := time.Now().Add(time.Hour)
	good := map[string]string{"username": "git", "password": password, "ca.crt": ca.pem()}
	with := func(pairs ...string) map[string]string {
		login := map[string]string{"username": "git", "password": password, "ca.crt": ca.pem()}
		for i := 0; i < len(pairs); i += 2 {
			login[pairs[i]] = pairs[i+1]
		}
		return login
	}
	cert, _ := ca.issue("seed", hour)
	_, otherKey := ca.issue("seed", hour)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>"+strings.Repeat("x", 5000), http.StatusForbidden)
	})
	for name, test := range map[string]struct {
		url     string
		login   map[string]string
		blocked bool
		want    string
	}{
		"wrong password":      {ca.https(handler), with("password", password+"!"), true, "renew the token at the vault"},
		"no Secret":           {ca.https(handler), nil, false, "spec.secretRef: reading the Secret flux-system/login: not found"},
		"password alone":      {ca.https(handler), map[string]string{"password": password}, true, "'password' requires 'username' to be set"},
		"wrong key pair":      {ca.https(handler), with("tls.crt", cert, "tls.key", otherKey), true, "its keys tls.crt and tls.key"},
		"no client's own key": {ca.serve(handler, "127.0.0.1", hour, true), good, false, "or a client certificate in tls.crt and tls.key in the Secret of spec.secretRef"},
		"unknown authority":   {ca.https(handler), with("ca.crt", newAuthority(t).pem()), false, "put that CA's certificate into ca.crt in the Secret of spec.secretRef"},
		"expired":             {ca.serve(handler, "127.0.0.1", time.Now().Add(-time.Minute), false), good, false, "check the node's clock"},
		"other name":          {ca.serve(handler, "git.test", hour, false), good, false, "the server's certificate is not for 127.0.0.1"},
		"an App's data":       {ca.https(handler), with("githubAppID", "1"), true, "needs spec.provider: github"},
		"a page":              {serve(t, page), good, true, "renew the token at the vault"},
		"nobody listens":      {"http://127.0.0.1:1", good, false, "nobody listens at this address"},
		"unknown host":        {"https://no-such-host.invalid", good, false, "DNS: the name no-such-host.invalid"},
		"no credential":       {ca.https(handler), map[string]string{"ca.crt": ca.pem()}, true, "renew the token at the vault"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := secrets{"login": test.login}
			if test.login == nil {
				s = nil
			}
			fails(t, gitSource(test.url+"/tree.git", login), s, test.blocked, test.want)
		})
	}
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		unanswered(t, "http://", secrets{"login": good})
	})
}

// What source-controller puts into its artifact, file by file.
func TestGitKeepsWhatFluxKeeps(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(outside, []byte("*.md\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRepo(t)
	r.commit("refs/heads/main", map[string]string{
		"a.yaml": "a", "a.jpg": "j", ".sops.yaml": "s", ".gitignore": "g", ".github/w.yaml": "w", "link.yaml": "-> a.yaml", "etc": "-> /etc",
	})
	r.commit("refs/heads/rules", map[string]string{
		".sourceignore": "/*\n!/clusters/\n", "clusters/a.yaml": "a", "clusters/a.jpg": "j", "clusters/.sourceignore": "*.md\n/gone/\n",
		"clusters/README.md": "r", "clusters/gone/x": "x", "apps/x.yaml": "x", "clusters/empty/x.md": "x",
	})
	r.commit("refs/heads/linked", map[string]string{"rules": "*.md\n", ".sourceignore": "-> rules", "a.md": "m", "a.jpg": "j"})
	r.commit("refs/heads/outside", map[string]string{".sourceignore": "-> " + outside, "a.md": "m"})
	r.commit("refs/heads/greedy", map[string]string{".sourceignore": "!.git/\n", "a": "a"})
	url := serve(t, r.backend()) + "/tree.git"
	rule := func(text string) *string { return &text }
	for name, test := range map[string]struct {
		branch string
		change func(*sourcev1.GitRepositorySpec)
		want   []string
	}{
		"default rules":          {"main", func(*sourcev1.GitRepositorySpec) {}, []string{"a.yaml=a"}},
		"own rules replace":      {"main", func(s *sourcev1.GitRepositorySpec) { s.Ignore = rule("a.yaml") }, []string{".github/w.yaml=w", ".sops.yaml=s", "a.jpg=j"}},
		".sourceignore":          {"rules", func(*sourcev1.GitRepositorySpec) {}, []string{"clusters/.sourceignore=*.md\n/gone/\n", "clusters/a.jpg=j", "clusters/a.yaml=a", "clusters/empty/"}},
		"both":                   {"rules", func(s *sourcev1.GitRepositorySpec) { s.Ignore = rule("*.jpg\n.sourceignore") }, []string{"clusters/a.yaml=a", "clusters/empty/"}},
		"sparse":                 {"rules", func(s *sourcev1.GitRepositorySpec) { s.SparseCheckout = []string{"./apps"} }, []string{"apps/x.yaml=x"}},
		"never Git's own folder": {"greedy", func(*sourcev1.GitRepositorySpec) {}, []string{".sourceignore=!.git/\n", "a=a"}},
		"linked rules":           {"linked", func(*sourcev1.GitRepositorySpec) {}, []string{"a.jpg=j", "rules=*.md\n"}},
		"rules of somebody else": {"outside", func(*sourcev1.GitRepositorySpec) {}, []string{"a.md=m"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := gitSource(url, ref(sourcev1.GitRepositoryRef{Branch: test.branch}), test.change)
			if _, files := get(t, source, nil); !slices.Equal(files, test.want) {
				t.Errorf("files %q, want %q", files, test.want)
			}
		})
	}
	t.Run("no such sparse folder", func(t *testing.T) {
		t.Parallel()
		source := gitSource(url, func(s *sourcev1.GitRepositorySpec) { s.SparseCheckout = []string{"nope"} })
		fails(t, source, nil, true, "spec.sparseCheckout: the repository has no folder nope")
	})
}

func TestSignatureIsLeftToSourceController(t *testing.T) {
	t.Parallel()
	r, hash := history(t)
	source := gitSource(serve(t, r.backend())+"/tree.git", ref(sourcev1.GitRepositoryRef{Commit: hash["first"]}))
	if result, _ := get(t, source, nil); len(result.Notes) > 0 {
		t.Errorf("notes without spec.verify: %q", result.Notes)
	}
	source.Spec.Verification = &sourcev1.GitRepositoryVerification{}
	if result, _ := get(t, source, nil); !slices.Equal(result.Notes, []string{"signature: left to source-controller"}) {
		t.Errorf("notes %q", result.Notes)
	}
}
