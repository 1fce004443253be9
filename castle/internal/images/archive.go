package images

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"
)

// epoch is the time of everything in an image, so that the same content has the same digest.
var epoch = time.Unix(0, 0).UTC()

// archive streams the layer's tar: the folders, the binary, its links.
func archive(spec Spec, binary string) io.ReadCloser {
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w, spec, binary)) }()
	return r
}

func write(to io.Writer, spec Spec, binary string) error {
	w := tar.NewWriter(to)
	made := map[string]bool{}
	if err := folders(w, spec.Path, made); err != nil {
		return err
	}
	if err := file(w, spec.Path, binary); err != nil {
		return err
	}
	for _, link := range spec.Links {
		if err := folders(w, link, made); err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeSymlink, Name: entry(link), Linkname: spec.Path, Mode: 0o777, ModTime: epoch}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
	}
	return w.Close()
}

// folders writes the parents of name that are not made yet, outermost first.
func folders(w *tar.Writer, name string, made map[string]bool) error {
	parent := path.Dir(name)
	if parent == "/" || made[parent] {
		return nil
	}
	if err := folders(w, parent, made); err != nil {
		return err
	}
	made[parent] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: entry(parent) + "/", Mode: 0o755, ModTime: epoch})
}

func file(w *tar.Writer, name, binary string) error {
	f, err := os.Open(binary)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: entry(name), Size: info.Size(), Mode: 0o755, ModTime: epoch}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("copying %s: %w", binary, err)
	}
	return nil
}

// entry is the name of an absolute path in an archive, where names are relative to the root.
func entry(name string) string { return strings.TrimPrefix(name, "/") }
