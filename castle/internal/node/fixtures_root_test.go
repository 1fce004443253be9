//go:build root

package node

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/vishvananda/netlink"
)

// testRegistry serves an image of the test's own program as pause, and one of CoreDNS. They are made when first asked for.
func testRegistry(coredns string) http.Handler {
	filled := sync.OnceValues(func() (http.Handler, error) {
		handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
		server := httptest.NewServer(handler)
		defer server.Close()
		host := strings.TrimPrefix(server.URL, "http://")
		return handler, errors.Join(
			push(host+"/pause:3.10", "/proc/self/exe", "/program", "pause"),
			push(host+"/coredns:test", coredns, "/program"),
		)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, err := filled()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// push makes an image of one static program and pushes it.
func push(ref, path string, entrypoint ...string) error {
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "program", Mode: 0o755, Size: int64(len(program))}); err != nil {
		return err
	}
	if _, err := w.Write(program); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return err
	}
	file.OS, file.Architecture, file.Config.Entrypoint = "linux", runtime.GOARCH, entrypoint
	if image, err = mutate.ConfigFile(image, file); err != nil {
		return err
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	return remote.Write(parsed, image)
}

// get returns the body at an address.
func get(ctx context.Context, t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// traces lists what of the host a castle could change: mounts, interfaces, packet filter, cgroups, kernel settings, system folders.
func traces(ctx context.Context, t *testing.T) map[string][]string {
	t.Helper()
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := exec.CommandContext(ctx, "nft", "list", "ruleset").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{"mounts": lines(t, "/proc/self/mountinfo"), "packet filter": {string(rules)}}
	for _, link := range links {
		found["interfaces"] = append(found["interfaces"], link.Attrs().Name)
	}
	for _, pattern := range []string{
		"/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*", "/var/lib/*", "/var/log/*", "/var/lib/kubelet/*", "/etc/*", "/opt/*", "/run/*",
		"/usr/libexec/*",
	} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found["folders"] = append(found["folders"], names...)
	}
	for name := range sysctls {
		found["sysctls"] = append(found["sysctls"], name+"="+lines(t, "/proc/sys/"+name)[0])
	}
	slices.Sort(found["sysctls"])
	for _, control := range []string{"/sys/fs/cgroup/cgroup.subtree_control", "/sys/fs/cgroup/unified/cgroup.subtree_control"} {
		if _, err := os.Stat(control); os.IsNotExist(err) {
			continue
		}
		found["cgroup controllers"] = append(found["cgroup controllers"], control+": "+lines(t, control)[0])
	}
	return found
}

// namespaces names those of a process that it does not share with the test.
func namespaces(t *testing.T, pid int) []string {
	t.Helper()
	var own []string
	for _, kind := range []string{"mnt", "net", "pid", "uts", "ipc", "cgroup", "time"} {
		theirs, err := os.Readlink(processFile(pid, "ns/"+kind))
		if err != nil {
			t.Fatal(err)
		}
		if ours, err := os.Readlink("/proc/self/ns/" + kind); err != nil || ours == theirs {
			t.Errorf("the node shares the host's namespace %s (%v)", theirs, err)
		}
		own = append(own, theirs)
	}
	return own
}

// leavesNothing compares the host with what it was before: the traces, and the namespaces of the node that was.
func leavesNothing(ctx context.Context, t *testing.T, dir string, before map[string][]string) {
	t.Helper()
	after := traces(ctx, t)
	for kind := range after {
		if !slices.Equal(before[kind], after[kind]) {
			t.Errorf("%s: before\n%s\nafter\n%s", kind, strings.Join(before[kind], "\n"), strings.Join(after[kind], "\n"))
		}
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", dir, err)
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		for _, kind := range []string{"mnt", "net", "pid"} {
			namespace, err := os.Readlink(filepath.Join(process, "ns", kind))
			if err == nil && slices.Contains(before["namespaces"], namespace) {
				t.Errorf("%s is still in the node's %s", process, namespace)
			}
		}
		line, err := os.ReadFile(filepath.Join(process, "cmdline"))
		if err == nil && bytes.Contains(line, []byte(dir)) {
			t.Errorf("%s still runs: %q", process, line)
		}
	}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}
