package beside

import (
	"net/http"
	"net/http/httptest"
)

// direct is a RoundTripper that calls a handler in the same process.
type direct struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil {
		request.Body = http.NoBody
	}
	defer func() { _ = request.Body.Close() }()
	request.RequestURI = request.URL.RequestURI()
	request.RemoteAddr = "127.0.0.1:0"
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, request)
	response := recorder.Result()
	response.Request = request
	return response, nil
}
