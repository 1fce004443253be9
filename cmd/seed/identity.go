package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/manifests"
	"github.com/tazlab/seed/internal/secret"
)

// maxIdentity is the size of a file of the identity, in bytes: a Secret takes 1 MiB in all.
const maxIdentity = 1 << 20

// readIdentity reads --identity-file or --identity-dir. No content is ever part of an error.
func readIdentity(flags renderFlags, stdin io.Reader) (manifests.Identity, error) {
	switch {
	case flags.identityDir != "":
		identity, err := identityDir(flags.identityDir)
		if err != nil {
			return nil, fmt.Errorf("reading the identity folder %s: %w", flags.identityDir, err)
		}
		return identity, nil
	case flags.identityFile != "":
		values, err := identityFile(flags.identityFile, stdin)
		if err != nil {
			return nil, fmt.Errorf("reading the identity file: %w", err)
		}
		return manifests.Identity{"": values}, nil
	}
	return nil, nil
}

// identityFile reads KEY=VALUE lines, as kubectl create secret --from-env-file does.
func identityFile(file string, stdin io.Reader) (map[string]secret.String, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		stdin = f
	}
	data, err := io.ReadAll(io.LimitReader(stdin, maxIdentity))
	if err != nil {
		return nil, err
	}
	values := map[string]secret.String{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("line %d is not KEY=VALUE (values of many lines go into files of --identity-dir)", n)
		}
		values[key] = secret.New(value)
	}
	if len(values) == 0 {
		return nil, errors.New("it holds no KEY=VALUE line")
	}
	return values, lines.Err()
}

// identityDir reads a file for each key, as a mounted Secret has them; folders in it are Secrets by name.
func identityDir(dir string) (manifests.Identity, error) {
	values, folders, err := readFolder(dir)
	if err != nil {
		return nil, err
	}
	if len(values) > 0 && len(folders) > 0 {
		return nil, errors.New("it holds files and folders: with several Secrets every file belongs into the folder of its Secret")
	}
	if len(values) > 0 {
		return manifests.Identity{"": values}, nil
	}
	identity := manifests.Identity{}
	for _, name := range folders {
		inner, deeper, err := readFolder(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if len(inner) == 0 || len(deeper) > 0 {
			return nil, fmt.Errorf("the folder %s must hold a file for each key of the Secret %s and nothing else", name, name)
		}
		identity[name] = inner
	}
	if len(identity) == 0 {
		return nil, errors.New("it is empty")
	}
	return identity, nil
}

// readFolder reads the files of dir, and names its folders. What begins with a dot is no key, but for
// .dockerconfigjson.
func readFolder(dir string) (values map[string]secret.String, folders []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	values = map[string]secret.String{}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") && name != corev1.DockerConfigJsonKey {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name)) // a mounted Secret is made of links
		switch {
		case err != nil:
			return nil, nil, err
		case info.IsDir():
			folders = append(folders, name)
			continue
		case info.Size() > maxIdentity:
			return nil, nil, fmt.Errorf("%s is larger than a Secret may be", name)
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, nil, err
		}
		values[name] = secret.New(withoutLineEnd(string(data)))
	}
	return values, folders, nil
}

// withoutLineEnd drops the line end that editors and echo put after a value of one line; a key file keeps its own.
func withoutLineEnd(value string) string {
	line := strings.TrimRight(value, "\r\n")
	if strings.ContainsAny(line, "\r\n") {
		return value
	}
	return line
}
