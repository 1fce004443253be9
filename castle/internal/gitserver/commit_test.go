package gitserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tazlab/seed/castle/internal/gitserver"
)

// bare returns the path of a repository that PushTree is to make.
func bare(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "git", "fleet.git")
}

// files lists a commit's files with their modes, one a line.
func files(t *testing.T, repository string) string {
	t.Helper()
	return must(t, "-C", repository, "ls-tree", "-r", "--format=%(objectmode) %(path)", "main")
}

func TestPushTreeTakesTheWorkingTree(t *testing.T) {
	checkout, repository := t.TempDir(), bare(t)
	must(t, "init", "--quiet", checkout)
	write(t, checkout, ".gitignore", "secret\n")
	write(t, checkout, "tracked", "old")
	write(t, checkout, "deleted", "")
	write(t, checkout, "staged", "staged")
	must(t, "-C", checkout, "add", ".")
	must(t, "-C", checkout, "commit", "-m", "x")
	write(t, checkout, "tracked", "changed, not staged")
	write(t, checkout, "dir/untracked é", "new")
	write(t, checkout, "secret", "ignored")
	if err := os.Remove(filepath.Join(checkout, "deleted")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(checkout, "staged"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("tracked", filepath.Join(checkout, "link")); err != nil {
		t.Fatal(err)
	}
	index, status := read(t, checkout, ".git/index"), must(t, "--no-optional-locks", "-C", checkout, "status", "--porcelain")

	commit, err := gitserver.PushTree(t.Context(), checkout, repository, "main", "the tree")
	if err != nil {
		t.Fatal(err)
	}
	want := "100644 .gitignore\n100644 \"dir/untracked \\303\\251\"\n120000 link\n100755 staged\n100644 tracked"
	if got := files(t, repository); got != want {
		t.Errorf("committed\n%s\nwant\n%s", got, want)
	}
	if got := must(t, "-C", repository, "show", "main:tracked"); got != "changed, not staged" {
		t.Errorf("tracked is %q", got)
	}
	if got := must(t, "-C", repository, "log", "--format=%H %an <%ae> %s", "HEAD"); got != commit+" castle <castle@seed.tazlab.net> the tree" {
		t.Errorf("log: %s", got)
	}
	if index != read(t, checkout, ".git/index") || status != must(t, "-C", checkout, "status", "--porcelain") {
		t.Error("the checkout was touched")
	}
}

func TestPushTreeOfAFolderThatIsNoCheckout(t *testing.T) {
	folder, repository := t.TempDir(), bare(t)
	write(t, folder, "a/b", "1")
	write(t, folder, ".gitignore", "a\n")
	write(t, folder, ".git/config", "broken: no repository")
	if _, err := gitserver.PushTree(t.Context(), folder, repository, "main", "x"); err != nil {
		t.Fatal(err)
	}
	if got := files(t, repository); got != "100644 .gitignore\n100644 a/b" {
		t.Errorf("committed %s", got)
	}
	if _, err := gitserver.PushTree(t.Context(), t.TempDir(), repository, "main", "x"); err == nil {
		t.Error("an empty folder is not an error")
	}
}

func TestPushTreeAgain(t *testing.T) {
	folder, repository := t.TempDir(), bare(t)
	push := func() string {
		commit, err := gitserver.PushTree(t.Context(), folder, repository, "main", "x")
		if err != nil {
			t.Fatal(err)
		}
		return commit
	}
	write(t, folder, "a", "1")
	write(t, folder, "b", "1")
	first := push()
	if same := push(); same != first {
		t.Errorf("the same tree made the commit %s after %s", same, first)
	}
	if err := os.Remove(filepath.Join(folder, "b")); err != nil {
		t.Fatal(err)
	}
	second := push()
	if got := must(t, "-C", repository, "rev-parse", "main", "main^"); got != second+"\n"+first {
		t.Errorf("history: %s", got)
	}
	if got := files(t, repository); got != "100644 a" {
		t.Errorf("committed %s", got)
	}
}

func TestPushTreeOfAnotherOwnersFiles(t *testing.T) {
	checkout, repository := t.TempDir(), bare(t)
	must(t, "init", "--quiet", checkout)
	write(t, checkout, "a", "1")
	if _, err := gitserver.PushTree(t.Context(), checkout, repository, "main", "x"); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // nobody else may give files away
		for _, path := range []string{checkout, filepath.Join(checkout, ".git"), repository} {
			if err := os.Chown(path, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(t, checkout, "a", "2")
	if _, err := gitserver.PushTree(t.Context(), checkout, repository, "main", "x"); err != nil {
		t.Error(err)
	}
}

func TestCommitChangesFiles(t *testing.T) {
	folder, repository := t.TempDir(), bare(t)
	write(t, folder, "kept", "1")
	write(t, folder, "gone", "1")
	write(t, folder, "dir/script", "1")
	if err := os.Chmod(filepath.Join(folder, "dir/script"), 0o700); err != nil {
		t.Fatal(err)
	}
	first, err := gitserver.PushTree(t.Context(), folder, repository, "main", "x")
	if err != nil {
		t.Fatal(err)
	}
	second, err := gitserver.Commit(t.Context(), repository, "main", "change", map[string][]byte{
		"gone": nil, "dir/script": []byte("2"), "dir/new": []byte("3"), "empty": {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, repository); got != "100644 dir/new\n100755 dir/script\n100644 empty\n100644 kept" {
		t.Errorf("committed %s", got)
	}
	if got := must(t, "-C", repository, "show", "main:dir/script"); got != "2" {
		t.Errorf("dir/script is %q", got)
	}
	if got := must(t, "-C", repository, "rev-parse", "main", "main^"); got != second+"\n"+first {
		t.Errorf("history: %s", got)
	}
	for name, c := range map[string]struct {
		branch, file string
		content      []byte
	}{
		"delete what is not there": {"main", "none", nil},
		"delete a folder":          {"main", "dir", nil},
		"outside":                  {"main", "../x", []byte("1")},
		"no such branch":           {"other", "x", []byte("1")},
	} {
		_, err := gitserver.Commit(t.Context(), repository, c.branch, "x", map[string][]byte{c.file: c.content})
		if err == nil || !strings.Contains(err.Error(), repository) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
