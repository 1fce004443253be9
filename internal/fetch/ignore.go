package fetch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"

	"github.com/tazlab/seed/internal/failure"
)

// ignored tells which paths below dir source-controller leaves out of its artifact: what the .sourceignore
// files and spec.ignore exclude; only where both say nothing do the default rules count.
// https://fluxcd.io/flux/components/source/gitrepositories/#excluding-files
func ignored(dir string, ignore *string) (func(path string, isDir bool) bool, error) {
	domain := strings.Split(dir, string(filepath.Separator))
	patterns, err := sourceignore.LoadIgnorePatterns(dir, domain)
	if err != nil {
		return nil, fmt.Errorf("reading .sourceignore: %w", err)
	}
	if ignore != nil {
		patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(*ignore), domain)...)
	}
	var matcher gitignore.Matcher
	if len(patterns) == 0 {
		matcher = sourceignore.NewDefaultMatcher(nil, domain)
	} else {
		matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(domain), patterns...))
	}
	return func(path string, isDir bool) bool {
		return matcher.Match(strings.Split(path, string(filepath.Separator)), isDir)
	}, nil
}

// keep removes from dir what source-controller would not put into its artifact, every symlink and, unless
// all is wanted, the ignored; and sees that what is left is not too large.
func keep(dir string, ignore *string, rules bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	// A .sourceignore may be a link, but not to what is no part of the source.
	if err := dropSymlinks(root, dir, func(name string) bool { _, err := root.Stat(name); return err != nil }); err != nil {
		return err
	}
	drop := func(string, bool) bool { return false }
	if rules {
		if drop, err = ignored(dir, ignore); err != nil {
			return err
		}
	}
	if err := dropSymlinks(root, dir, func(string) bool { return true }); err != nil {
		return err
	}
	return dropIgnored(root, dir, drop)
}

func dropSymlinks(root *os.Root, dir string, drop func(name string) bool) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Type().IsRegular() {
			return err
		}
		if name := within(dir, path); drop(name) {
			return root.Remove(name)
		}
		return nil
	})
}

// dropIgnored looks at each file by itself, so that one can be included again below an excluded folder. An
// excluded folder that is left empty goes as well.
func dropIgnored(root *os.Root, dir string, drop func(path string, isDir bool) bool) error {
	var folders []string
	var total, files int64
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || path == dir:
			return err
		case entry.IsDir():
			if drop(path, true) {
				folders = append(folders, within(dir, path))
			}
			return nil
		case drop(path, false):
			return root.Remove(within(dir, path))
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		total, files = total+info.Size(), files+1
		return bound(within(dir, path), info.Size(), total, files)
	})
	for _, folder := range slices.Backward(folders) {
		_ = root.Remove(folder) // fails where something below was included again
	}
	return err
}

// bound says which limit what is kept does not meet.
func bound(name string, size, total, files int64) error {
	var what string
	switch {
	case size > maxFile:
		what = fmt.Sprintf("the file %s has more than %d MiB", name, maxFile>>20)
	case total > maxKept:
		what = fmt.Sprintf("the files have more than %d MiB together", maxKept>>20)
	case files > maxFiles:
		what = fmt.Sprintf("there are more than %d files", maxFiles)
	default:
		return nil
	}
	return failure.Blocked(fmt.Errorf("%s, and seed holds them in memory: exclude what the cluster does not need with spec.ignore or a file .sourceignore, or name the folders that it needs in spec.sparseCheckout", what))
}

func within(dir, path string) string {
	return strings.TrimPrefix(path, dir+string(filepath.Separator))
}
