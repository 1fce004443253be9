package fetch

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// Tree is the folder with the files in what Local makes.
const Tree = "tree"

// memory is a folder whose files are in memory, on Linux. To make a file takes much longer on most disks, and nothing of the
// tree has to be written to one.
const memory = "/dev/shm"

// Local copies what a push of the checkout at root would bring, its files less what the ignore rules exclude, to the folder Tree
// in a new one, which it returns; whoever calls it removes that. Its name begins with name. It is in memory if the tree is not
// larger than what seed run takes, there is room, and TMPDIR asks for no other place. Local stands in for Git where the
// tree is still on somebody's desk.
func Local(root, name string) (folder string, err error) {
	if os.Getenv("TMPDIR") == "" {
		if folder, err = local(root, memory, name, maxKept); err == nil {
			return folder, nil
		}
	}
	return local(root, "", name, math.MaxInt64) // it also says what is wrong with root
}

// local is Local in a folder of the folder base, for trees of that many bytes at most.
func local(root, base, name string, most int64) (folder string, err error) {
	if folder, err = os.MkdirTemp(base, name); err != nil {
		return "", err
	}
	made := folder
	if folder, err = filepath.EvalSymlinks(made); err == nil { // kustomize would follow it
		err = copyTree(root, filepath.Join(folder, Tree), most)
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(made))
	}
	return folder, nil
}

func copyTree(root, dir string, most int64) error {
	root, err := filepath.Abs(root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root) // it is not followed below, as no link is
	}
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
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
		written, err := copyFile(path, filepath.Join(dir, relative), buffer)
		if most -= written; err == nil && most < 0 {
			return errTooLarge
		}
		return err
	})
}

func copyFile(from, to string, buffer []byte) (written int64, err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return 0, err
	}
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	written, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, buffer)
	return written, errors.Join(err, out.Close())
}
