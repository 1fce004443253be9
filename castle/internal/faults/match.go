package faults

import (
	"net/http"
	"net/url"
)

// matcher lets net/http read the pattern, so that it means here what it means where routes are made.
func matcher(pattern string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle(pattern, http.NotFoundHandler())
	return mux
}

func matches(mux *http.ServeMux, c call) bool {
	_, pattern := mux.Handler(&http.Request{Method: c.method, URL: &url.URL{Path: c.path}})
	return pattern != ""
}
