package gitserver

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Commit changes files on a branch of a bare repository, as a push from elsewhere would, and returns the commit. The
// keys of change are paths from the repository's top; a nil value deletes the file, which must be there. The branch
// must exist.
func Commit(ctx context.Context, bareRepo, branch, message string, change map[string][]byte) (string, error) {
	commit, err := commitChange(ctx, bareRepo, branch, message, change)
	if err != nil {
		return "", fmt.Errorf("committing to %s of %s: %w", branch, bareRepo, err)
	}
	return commit, nil
}

func commitChange(ctx context.Context, bareRepo, branch, message string, change map[string][]byte) (string, error) {
	r, err := open(bareRepo, "")
	if err != nil {
		return "", err
	}
	defer r.close()
	if _, err := r.git.run(ctx, "read-tree", "refs/heads/"+branch); err != nil {
		return "", err
	}
	for _, file := range slices.Sorted(maps.Keys(change)) {
		if err := r.stage(ctx, file, change[file]); err != nil {
			return "", err
		}
	}
	return r.commit(ctx, branch, message)
}

// repository is a bare repository with an index of its own for one commit.
type repository struct {
	git   git
	index string // folder of the index
}

// open prepares a commit in a bare repository; the files come from workTree, unless it is empty.
func open(bareRepo, workTree string) (*repository, error) {
	bareRepo, err := filepath.Abs(bareRepo)
	if err != nil {
		return nil, err
	}
	index, err := os.MkdirTemp("", "castle-index-*")
	if err != nil {
		return nil, err
	}
	env := append(isolated(), "GIT_DIR="+bareRepo, "GIT_INDEX_FILE="+filepath.Join(index, "index"))
	for _, role := range []string{"AUTHOR", "COMMITTER"} {
		env = append(env, "GIT_"+role+"_NAME=castle", "GIT_"+role+"_EMAIL=castle@seed.tazlab.net")
	}
	if workTree != "" {
		env = append(env, "GIT_WORK_TREE="+workTree)
	}
	return &repository{git: git{dir: workTree, env: env}, index: index}, nil
}

func (r *repository) close() { _ = os.RemoveAll(r.index) }

// stage puts a file's new content into the index, or takes the file out; a file that is there keeps its mode.
func (r *repository) stage(ctx context.Context, file string, content []byte) error {
	known, err := r.git.run(ctx, "ls-files", "--stage", "-z", "--", ":(top,literal)"+file)
	if err != nil {
		return err
	}
	if content == nil {
		if !strings.HasSuffix(known, "\t"+file+"\x00") {
			return fmt.Errorf("%s is not there to be deleted", file)
		}
		_, err := r.git.with("0 "+strings.Repeat("0", 40)+"\t"+file+"\x00").run(ctx, "update-index", "-z", "--index-info")
		return err
	}
	blob, err := r.git.with(string(content)).run(ctx, "hash-object", "-w", "--stdin")
	if err != nil {
		return err
	}
	mode := "100644"
	if strings.HasPrefix(known, "100755 ") {
		mode = "100755"
	}
	_, err = r.git.run(ctx, "update-index", "--add", "--cacheinfo", mode+","+blob+","+file)
	return err
}

// commit makes the index the newest commit of the branch, unless the branch holds the same tree.
func (r *repository) commit(ctx context.Context, branch, message string) (string, error) {
	tree, err := r.git.run(ctx, "write-tree")
	if err != nil {
		return "", err
	}
	ref := "refs/heads/" + branch
	parent, err := r.git.run(ctx, "for-each-ref", "--format=%(objectname) %(tree)", ref)
	if err != nil {
		return "", err
	}
	parent, parentTree, found := strings.Cut(parent, " ")
	if found && parentTree == tree {
		return parent, nil
	}
	arguments := []string{"commit-tree", "-m", message, tree}
	if found {
		arguments = append(arguments, "-p", parent)
	}
	commit, err := r.git.run(ctx, arguments...)
	if err != nil {
		return "", err
	}
	// The old value makes a push in between an error; an empty one means that the branch must not exist.
	_, err = r.git.run(ctx, "update-ref", ref, commit, parent)
	return commit, err
}
