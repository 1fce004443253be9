package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// cniFolder is where a CNI puts its configuration on any node: inside the node it shows the folder of cniDir.
const cniFolder = "/etc/cni/net.d"

// cniExtensions are those of the files that containerd reads as CNI configuration:
// https://pkg.go.dev/github.com/containernetworking/cni/libcni#ConfFiles as go-cni calls it.
var cniExtensions = []string{".conf", ".conflist", ".json"}

// cniDir is the folder of the node in dir in which containerd looks for its CNI configuration.
func cniDir(dir string) string { return filepath.Join(dir, "cni") }

// AddCNI gives the node in dir its CNI configuration, when Config.NoCNI held it back. containerd sees it at once, and so does the
// supervisor, which then starts kube-proxy.
func AddCNI(dir string) error {
	if err := write(filepath.Join(cniDir(dir), "10-castle.conflist"), "castle.conflist", values{}); err != nil {
		return fmt.Errorf("add the CNI configuration: %w", err)
	}
	return nil
}

// awaitCNI waits until there is a CNI configuration in folder, whoever brings it.
func awaitCNI(ctx context.Context, folder string) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("wait for a CNI configuration: %w", err)
	}
	defer watcher.Close()
	if err := watcher.Add(folder); err != nil {
		return fmt.Errorf("wait for a CNI configuration: watch %s: %w", folder, err)
	}
	for { // looked at after each event, and first after the watch began: so nothing is missed
		there, err := hasCNI(folder)
		if there || err != nil {
			return err
		}
		select {
		case <-watcher.Events:
		case err := <-watcher.Errors:
			return fmt.Errorf("wait for a CNI configuration in %s: %w", folder, err)
		case <-ctx.Done():
			return fmt.Errorf("wait for a CNI configuration in %s: %w", folder, context.Cause(ctx))
		}
	}
}

func hasCNI(folder string) (bool, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false, fmt.Errorf("look for a CNI configuration: %w", err)
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return slices.Contains(cniExtensions, filepath.Ext(e.Name()))
	}), nil
}
