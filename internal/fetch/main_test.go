package fetch_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/fetch"
)

// password is part of every secret of the tests: no error may show it.
const password = "s3cr3t"

// environment is the proxy in HTTP_PROXY and HTTPS_PROXY, which net/http reads once per process and never
// uses for loopback addresses: names that end in .test lead to it, and to it only.
var environment *proxy

func TestMain(m *testing.M) {
	environment = newProxy("env-user", password)
	server := httptest.NewServer(environment)
	address := strings.Replace(server.URL, "http://", "http://env-user:"+password+"@", 1)
	for name, value := range map[string]string{
		"HTTP_PROXY": address, "HTTPS_PROXY": address, "NO_PROXY": ".invalid", "ALL_PROXY": "",
	} {
		os.Unsetenv(strings.ToLower(name))
		os.Setenv(name, value)
	}
	memory := inMemory()
	code := m.Run()
	server.Close()
	if memory != "" {
		os.RemoveAll(memory)
	}
	os.Exit(code)
}

// inMemory makes the tests' folders lie in a tmpfs, as seed's files do, where there is one that is large
// enough: the limits take tens of thousands of files to reach.
func inMemory() string {
	const shared, enough = "/dev/shm", 2 << 30
	var free syscall.Statfs_t
	if err := syscall.Statfs(shared, &free); err != nil || free.Bavail*uint64(free.Bsize) < enough {
		return ""
	}
	dir, err := os.MkdirTemp(shared, "seed-fetch-")
	if err != nil {
		return ""
	}
	os.Setenv("TMPDIR", dir)
	return dir
}

// secrets are the Secrets of the namespace, by name.
type secrets map[string]map[string]string

func (s secrets) read(_ context.Context, name string) (map[string][]byte, error) {
	found, ok := s[name]
	if !ok {
		return nil, fmt.Errorf("reading the Secret flux-system/%s: not found", name)
	}
	data := map[string][]byte{}
	for key, value := range found {
		data[key] = []byte(value)
	}
	return data, nil
}

// get fetches and returns the result and the files with their content, "name=content", and empty folders, "name/".
func get(t *testing.T, source client.Object, s secrets) (fetch.Result, []string) {
	t.Helper()
	dir := t.TempDir()
	result, err := fetch.Source(t.Context(), source, s.read, nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	return result, contents(t, dir)
}

func contents(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if entry.IsDir() {
			if below, err := os.ReadDir(path); err != nil || len(below) > 0 {
				return err
			}
			found = append(found, strings.TrimPrefix(path, dir+"/")+"/")
			return nil
		}
		text, err := os.ReadFile(path)
		found = append(found, strings.TrimPrefix(path, dir+"/")+"="+string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// fails fetches and wants an error.
func fails(t *testing.T, source client.Object, s secrets, blocked bool, words ...string) {
	t.Helper()
	_, err := fetch.Source(t.Context(), source, s.read, nil, t.TempDir())
	wantError(t, err, blocked, words...)
}

// wantError wants an error with these words that is blocked or not, shows no secret and is no page.
func wantError(t *testing.T, err error, blocked bool, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range append(words, "flux-system/tree") {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v: want %q", err, word)
		}
	}
	if strings.Contains(err.Error(), password) {
		t.Errorf("a secret is in the error: %v", err)
	}
	if len(err.Error()) > 1200 {
		t.Errorf("%d bytes of error: %v", len(err.Error()), err)
	}
	if failure.IsBlocked(err) != blocked {
		t.Errorf("blocked is %v, want %v: %v", !blocked, blocked, err)
	}
}

func gitSource(url string, change ...func(*sourcev1.GitRepositorySpec)) *sourcev1.GitRepository {
	source := &sourcev1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "tree"},
		Spec:       sourcev1.GitRepositorySpec{URL: url, Reference: &sourcev1.GitRepositoryRef{Branch: "main"}},
	}
	for _, c := range change {
		c(&source.Spec)
	}
	return source
}

func ref(r sourcev1.GitRepositoryRef) func(*sourcev1.GitRepositorySpec) {
	return func(s *sourcev1.GitRepositorySpec) { s.Reference = &r }
}

// login makes the Git source use the Secret "login".
func login(s *sourcev1.GitRepositorySpec) { s.SecretRef = named("login") }

func named(name string) *meta.LocalObjectReference { return &meta.LocalObjectReference{Name: name} }

func within(limit time.Duration) func(*sourcev1.GitRepositorySpec) {
	return func(s *sourcev1.GitRepositorySpec) { s.Timeout = &metav1.Duration{Duration: limit} }
}

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
