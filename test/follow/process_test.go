//go:build apiserver

package follow_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// process is seed's binary at work.
type process struct {
	*exec.Cmd
	stdout, stderr output
}

// output is what a process wrote so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// build compiles seed once.
var build = sync.OnceValues(func() (string, error) {
	command := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../../cmd/seed")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := command.CombinedOutput()
	return string(out), err
})

// begin starts "seed follow" with that access.
func begin(t *testing.T, config *rest.Config, args ...string) *process {
	t.Helper()
	if out, err := build(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), binary, append([]string{"follow"}, args...)...)}
	p.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig(t, config), "RUNTIME_NAMESPACE="+fluxNamespace)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("standard error of seed %q:\n%s", p.Args[1:], &p.stderr)
		}
	})
	return p
}

// end waits for the process, after a signal if there is one, and returns its exit code.
func (p *process) end(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	if signal != 0 {
		if err := p.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

func kubeconfig(t *testing.T, config *rest.Config) string {
	t.Helper()
	all := clientcmdapi.NewConfig()
	all.Clusters["it"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	all.AuthInfos["it"] = &clientcmdapi.AuthInfo{Token: config.BearerToken, ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}
	all.Contexts["it"] = &clientcmdapi.Context{Cluster: "it", AuthInfo: "it"}
	all.CurrentContext = "it"
	name := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*all, name); err != nil {
		t.Fatal(err)
	}
	return name
}
