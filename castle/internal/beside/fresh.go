package beside

import (
	"fmt"
	"net/http"
	"sync"
)

// fresh tells a service the Git token of the stored configuration before it answers a request, when that is another one
// than the service knows. A castle's command runs in another process than its services, so it leaves the token in a file.
func (c Config) fresh(set func(string) error, next http.Handler) http.Handler {
	var mu sync.Mutex
	known := c.GitToken
	update := func() error {
		stored, err := Load(c.Dir)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if stored.GitToken == known {
			return nil
		}
		known = stored.GitToken
		return set(known)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := update(); err != nil {
			http.Error(w, fmt.Sprintf("the castle cannot tell its Git token: %v", err), http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}
