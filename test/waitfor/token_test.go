//go:build apiserver

package waitfor_test

import (
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A token that is not taken is waited out like a missing right, but no Role helps.
func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	p.write(t, p.token(), "no-token")
	p.secret(t, "database")
	w := p.start(t, nil, "--forbidden-grace=2s", "secret/database")
	w.await(t, "401 Unauthorized", "given up after 2s")
	w.end(t, 4, "401 Unauthorized")
	if w.has("kind: Role") != 0 {
		t.Errorf("a Role does not help:\n%s", w.log())
	}
}

// The kubelet replaces the token: the new one is read after the old one is refused.
func TestTokenIsReplaced(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	p.write(t, p.token(), "no-token")
	p.secret(t, "database")
	w := p.start(t, nil, "secret/database")
	w.await(t, "401 Unauthorized")
	p.newToken(t)
	w.end(t, 0, "it is there")
}

// A token dies with its ServiceAccount, in the middle; with a new one both live on.
func TestTokenDiesWhileWaiting(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	g := newGateway(t, admin, p)
	w := p.start(t, nil, "secret/database")
	w.await(t, "it is not there")
	accounts := p.client.CoreV1().ServiceAccounts(p.namespace)
	if err := accounts.Delete(t.Context(), account, deleteNow); err != nil {
		t.Fatal(err)
	}
	eventually(t, "401", func() bool { g.cutAll(); return w.saidSoFar("401 Unauthorized") })
	if _, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p.newToken(t)
	w.await(t, "it is not there")
	p.secret(t, "database")
	w.end(t, 0, "it is there")
}

// Waiting cures none of these.
func TestPodWithoutToken(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	p.write(t, p.token(), "\n")
	p.start(t, nil, "secret/database").end(t, 2, "the ServiceAccount token", "is empty")
	p.tokenDir = filepath.Join(p.tokenDir, "nowhere")
	p.start(t, nil, "secret/database").end(t, 2, "no ServiceAccount token is mounted", "automountServiceAccountToken: true")
}

func (p *pod) token() string { return filepath.Join(p.tokenDir, "token") }

// saidSoFar reads what is there to be read, and tells whether a line held the text.
func (r *process) saidSoFar(text string) bool {
	for {
		select {
		case line, open := <-r.lines:
			if open {
				r.all = append(r.all, line)
				continue
			}
		default:
		}
		return r.has(text) > 0
	}
}
