package gitserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// PushTree commits the working tree of checkout, as it is on disk, to a branch of a bare repository, and returns the
// commit. Of a Git checkout it takes the files that are tracked or not ignored, and writes nothing into the checkout
// or its .git; of any other folder it takes every file. The repository is created when absent, with main as its
// default branch. When the branch holds the same tree already, its commit is returned and none is made.
func PushTree(ctx context.Context, checkout, bareRepo, branch, message string) (string, error) {
	commit, err := pushTree(ctx, checkout, bareRepo, branch, message)
	if err != nil {
		return "", fmt.Errorf("committing %s to %s of %s: %w", checkout, branch, bareRepo, err)
	}
	return commit, nil
}

func pushTree(ctx context.Context, checkout, bareRepo, branch, message string) (string, error) {
	checkout, err := filepath.Abs(checkout)
	if err != nil {
		return "", err
	}
	if err := initialise(ctx, bareRepo); err != nil {
		return "", err
	}
	r, err := open(bareRepo, checkout)
	if err != nil {
		return "", err
	}
	defer r.close()
	files, err := r.list(ctx, checkout)
	if err != nil {
		return "", err
	}
	if _, err := r.git.with(files).run(ctx, "update-index", "-z", "--add", "--stdin"); err != nil {
		return "", err
	}
	return r.commit(ctx, branch, message)
}

// initialise creates the bare repository unless it is there.
func initialise(ctx context.Context, bareRepo string) error {
	_, err := os.Stat(filepath.Join(bareRepo, "HEAD"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(bareRepo, 0o755); err != nil {
		return err
	}
	_, err = git{env: isolated()}.run(ctx, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", bareRepo)
	return err
}

// list returns the files to commit, each ended by a zero byte, relative to checkout.
func (r *repository) list(ctx context.Context, checkout string) (string, error) {
	// Here the user's configuration counts: it may name files to ignore.
	from := git{dir: checkout, env: []string{"GIT_OPTIONAL_LOCKS=0"}}
	arguments := []string{"-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"}
	if _, err := from.run(ctx, "-c", "safe.directory=*", "rev-parse", "--is-inside-work-tree"); err != nil {
		if !strings.Contains(err.Error(), "not a git repository") { // in any other case ignored files would be taken
			return "", err
		}
		from, arguments = r.git, []string{"ls-files", "-z", "--others"}
	}
	output, err := from.run(ctx, arguments...)
	if err != nil {
		return "", err
	}
	var files strings.Builder
	for file := range strings.SplitSeq(output, "\x00") {
		_, err := os.Lstat(filepath.Join(checkout, file))
		switch {
		case file == "" || strings.HasSuffix(file, "/"): // a repository inside the checkout is not part of it
		case errors.Is(err, fs.ErrNotExist): // tracked, but deleted
		case err != nil:
			return "", err
		default:
			files.WriteString(file + "\x00")
		}
	}
	if files.Len() == 0 {
		return "", errors.New("no files there, or all are ignored")
	}
	return files.String(), nil
}
