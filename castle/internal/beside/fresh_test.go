package beside

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRotatedTokenReachesTheServiceBeforeTheNextRequest(t *testing.T) {
	config := NewConfig(t.TempDir())
	if err := config.Save(); err != nil {
		t.Fatal(err)
	}
	served := config // by another process
	var told []string
	set := func(token string) error {
		told = append(told, token)
		return nil
	}
	handler := served.fresh(set, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func() int {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		return answer.Code
	}
	if ask(); len(told) != 0 {
		t.Errorf("told %d tokens, and none was rotated", len(told))
	}
	old := config.GitToken
	if err := config.RotateGitToken(); err != nil {
		t.Fatal(err)
	}
	ask()
	if ask(); len(told) != 1 || told[0] != config.GitToken || told[0] == old {
		t.Errorf("told %d tokens, want the new one, once", len(told))
	}
	if loaded, err := Load(config.Dir); err != nil || loaded.GitToken != config.GitToken || loaded.ClientSecret != config.ClientSecret {
		t.Errorf("what is stored is not what is in use: %v", err)
	}
}

// Without the file nobody knows which token counts, so nothing is served.
func TestUnknownTokenServesNothing(t *testing.T) {
	config := NewConfig(t.TempDir())
	handler := config.fresh(func(string) error { return errors.New("unused") }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request was served")
	}))
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if answer.Code != http.StatusInternalServerError {
		t.Errorf("status %d", answer.Code)
	}
}
