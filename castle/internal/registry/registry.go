// Package registry is the castle's OCI registry: in process, blobs on disk, every request in an access log.
package registry

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/gorilla/handlers"
)

// New returns a registry that keeps blobs under dir, which it creates. Manifests are kept in memory: push them at
// every start; blobs that are already there are not sent again.
//
// Repositories carry no registry host, so that one registry answers as the mirror of many: containerd asks the
// mirror of ghcr.io for /v2/fluxcd/source-controller/...?ns=ghcr.io, and the query is ignored here
// (https://github.com/containerd/containerd/blob/main/docs/hosts.md).
//
// Each request becomes one line of accessLog, in the combined log format: remote, time, method, path, status, size
// and user agent (https://httpd.apache.org/docs/2.4/logs.html#combined). Writes to accessLog may be concurrent; each
// line is a single write.
func New(dir string, accessLog io.Writer) (http.Handler, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating the registry's blob folder: %w", err)
	}
	h := registry.New(
		registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)),
		registry.WithReferrersSupport(true),
		registry.Logger(log.New(io.Discard, "", 0)), // the access log says the same, with the user agent
	)
	return handlers.CombinedLoggingHandler(accessLog, h), nil
}
