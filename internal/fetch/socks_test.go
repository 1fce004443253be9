package fetch_test

import (
	"io"
	"net"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/crypto/ssh/knownhosts"
)

// socks starts a SOCKS5 proxy for IPv4 addresses that wants a username and a password
// (https://www.rfc-editor.org/rfc/rfc1928, https://www.rfc-editor.org/rfc/rfc1929).
func socks(t *testing.T, user, password string) string {
	t.Helper()
	return "socks5://" + listen(t, func(connection net.Conn) { go tunnel(connection, user, password) })
}

func tunnel(here net.Conn, user, password string) {
	defer here.Close()
	read := func(n int) []byte {
		bytes := make([]byte, n)
		if _, err := io.ReadFull(here, bytes); err != nil {
			return make([]byte, n)
		}
		return bytes
	}
	read(int(read(2)[1])) // the methods that the client offers
	_, _ = here.Write([]byte{5, 2})
	givenUser := string(read(int(read(2)[1])))
	givenPassword := string(read(int(read(1)[0])))
	if givenUser != user || givenPassword != password {
		_, _ = here.Write([]byte{1, 1})
		return
	}
	_, _ = here.Write([]byte{1, 0})
	request := read(10)
	port := strconv.Itoa(int(request[8])<<8 | int(request[9]))
	there, err := net.Dial("tcp", net.JoinHostPort(net.IP(request[4:8]).String(), port))
	if err != nil {
		_, _ = here.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	defer there.Close()
	_, _ = here.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	go func() { _, _ = io.Copy(there, here); there.Close() }()
	_, _ = io.Copy(here, there)
}

func TestGitBySOCKS(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	ca := newAuthority(t)
	mine, host := newEd25519(t), signer(t, newEd25519(t))
	address := r.ssh("git", signer(t, mine).PublicKey(), host)
	s := secrets{
		"login": {"ca.crt": ca.pem(), "identity": identity(t, mine, ""), "known_hosts": knownhosts.Line([]string{address}, host.PublicKey())},
		"proxy": {"address": socks(t, "proxy-user", password), "username": "proxy-user", "password": password},
	}
	wrong := secrets{"login": s["login"], "proxy": {"address": s["proxy"]["address"], "username": "proxy-user", "password": password + "!"}}
	for name, url := range map[string]string{"ssh": "ssh://git@" + address, "https": ca.https(r.backend())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, files := get(t, gitSource(url+"/tree.git", login, byProxy), s); !slices.Equal(files, []string{"f=last"}) {
				t.Errorf("files %q", files)
			}
			fails(t, gitSource(url+"/tree.git", login, byProxy), wrong, true, "the proxy refuses username and password")
		})
	}
	t.Run("nobody behind", func(t *testing.T) {
		t.Parallel()
		fails(t, gitSource("ssh://git@127.0.0.1:1/tree.git", login, byProxy), s, false, "connection refused", "proxy: it gives no way to the server", "asked by way of the proxy")
	})
}
