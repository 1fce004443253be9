package node

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// pull is the command line, to be run inside, that pulls an image into the images that kubelet sees, through the mirror.
func pull(c Config, ref string) []string {
	return []string{
		c.Binaries["ctr"], "--address", containerdSocket, "--namespace", "k8s.io",
		"images", "pull", "--hosts-dir", filepath.Join(c.Dir, "certs.d"), ref,
	}
}

// Preload pulls images into the running node in dir, like Talos' image cache, so that no pod waits for them.
func Preload(ctx context.Context, dir string, refs []string) error {
	c, err := ReadConfig(dir)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		line, err := Enter(dir)
		if err != nil {
			return err
		}
		line = append(line, pull(c, ref)...)
		if out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("preload image %s: %w: %s", ref, err, out)
		}
	}
	return nil
}

// Import puts the images of an archive, as docker save writes it, into those that the running node's kubelet sees.
func Import(ctx context.Context, dir, archive string) error {
	c, err := ReadConfig(dir)
	if err != nil {
		return err
	}
	line, err := Enter(dir)
	if err != nil {
		return err
	}
	line = append(line, c.Binaries["ctr"], "--address", containerdSocket, "--namespace", "k8s.io", "images", "import", archive)
	if out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("import images from %s: %w: %s", archive, err, out)
	}
	return nil
}
