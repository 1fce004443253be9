package fetch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
)

// dropIgnored removes from dir what source-controller would not put into its artifact: what the default
// rules, the .sourceignore files and spec.ignore exclude, and every symlink. It looks at each file by
// itself, as source-controller does, so that a file can be included again below an excluded folder.
func dropIgnored(dir string, ignore *string) error {
	domain := strings.Split(dir, string(filepath.Separator))
	patterns, err := sourceignore.LoadIgnorePatterns(dir, domain)
	if err != nil {
		return fmt.Errorf("reading .sourceignore: %w", err)
	}
	if ignore != nil {
		patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(*ignore), domain)...)
	}
	matcher := sourceignore.NewDefaultMatcher(patterns, domain)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if entry.Type().IsRegular() && !matcher.Match(strings.Split(path, string(filepath.Separator)), false) {
			return nil
		}
		return root.Remove(strings.TrimPrefix(path, dir+string(filepath.Separator)))
	})
}
