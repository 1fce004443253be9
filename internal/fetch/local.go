package fetch

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Local copies into dir what a push of the checkout at root would bring: its files less what the ignore
// rules exclude. It stands in for Git where the tree is still on somebody's desk.
func Local(root, dir string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	ignored, err := ignored(root, nil)
	if err != nil {
		return err
	}
	buffer := make([]byte, 64<<10) // io.Copy would make one for each file
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case !entry.Type().IsRegular() || ignored(path, false):
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return copyFile(path, filepath.Join(dir, relative), buffer)
	})
}

func copyFile(from, to string, buffer []byte) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, buffer); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
