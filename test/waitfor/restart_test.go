//go:build apiserver

package waitfor_test

import (
	"net"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/test/apiserver"
)

// An API server that is away is waited for: at the start, and in the middle of a watch.
func TestAPIServerRestarts(t *testing.T) {
	t.Parallel()
	env := &envtest.Environment{}
	server := env.ControlPlane.GetAPIServer()
	server.CertDir = t.TempDir()                    // its own would go with the first stop, and with it CA and keys of the tokens
	server.Configure().Set("request-timeout", "3s") // for which it lets open watches live when it stops
	config := apiserver.Start(t, env)
	p := newPod(t, config, named("secrets", "database", "queue"))
	before := p.start(t, nil, "secret/database")
	before.await(t, "it is not there")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if other, err := net.Listen("tcp", "127.0.0.1:"+p.port); err == nil { // as any other test might: else somebody has it already
		defer other.Close()
	}
	before.await(t, "the API server "+p.host+":"+p.port+" cannot be asked", "may be restarting")
	during := p.start(t, nil, "secret/queue", "secret/database")
	during.awaitAll(t, "waiting for secret/queue: the API server", "waiting for secret/database: the API server")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	before.await(t, "it is not there")
	during.await(t, "it is not there")
	p.secret(t, "database")
	before.end(t, 0, "it is there")
	p.secret(t, "queue")
	during.end(t, 0, "secret/queue: it is there; secret/database: it is there")
	for _, w := range []*process{before, during} {
		if len(w.all) > 20 {
			t.Errorf("%d lines:\n%s", len(w.all), w.log())
		}
	}
}
