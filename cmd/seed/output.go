package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// write writes to the file of --output, or to stdout.
func (r *renderFlags) write(data []byte, stdout io.Writer) error {
	if r.output == "" || r.output == "-" {
		_, err := stdout.Write(data)
		return err
	}
	if err := writeWhole(r.output, data); err != nil {
		return fmt.Errorf("writing %s: %w", r.output, err)
	}
	return nil
}

// writeWhole replaces file, with mode 0600. Who reads it meanwhile gets the old one; after an error that is what stays.
func writeWhole(file string, data []byte) (err error) {
	// In the same folder, so that no secret gets to another file system, and the last step is one.
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
