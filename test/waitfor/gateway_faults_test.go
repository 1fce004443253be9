//go:build apiserver

package waitfor_test

import (
	"net/http"
	"testing"
)

const tooOld = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}`

// Whatever happens to answers, the Secret that comes later is seen.
func TestFaultsAreSurvived(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meant  func(*http.Request) bool
		answer http.HandlerFunc
		// said is what the log must tell; "": nothing is wrong.
		said string
	}{
		"watch ends":             {watches, says(200, ""), ""},
		"watch event 410":        {watches, says(200, `{"type":"ERROR","object":`+tooOld+`}`+"\n"), ""},
		"watch HTTP 410":         {watches, says(410, tooOld), ""},
		"watch event 500":        {watches, says(200, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"broken etcd","code":500}}`+"\n"), "broken etcd"},
		"watch garbage":          {watches, says(200, "<html>\n"), "the watch fails"},
		"watch garbage event":    {watches, says(200, `{"type":"ADDED","object":{"kind":"Nonsense"}}`+"\n"), "the watch fails"},
		"watch HTTP 500":         {watches, says(500, "no backend"), "the watch fails"},
		"watch HTTP 404":         {watches, says(404, "no such page"), "the watch fails"},
		"watch HTTP 405":         {watches, says(405, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not allowed","reason":"MethodNotAllowed","code":405}`), "this kind cannot be watched"},
		"GET HTTP 429":           {gets, says(429, "slow down", "Retry-After", "1"), "429 Too Many Requests: it asks for a pause of 1s"},
		"GET HTTP 503 later":     {gets, says(503, "starting", "Retry-After", "1"), "503 Service Unavailable"},
		"watch HTTP 429":         {watches, says(429, "slow down", "Retry-After", "1"), "429 Too Many Requests"},
		"GET HTTP 500":           {gets, says(500, "no backend"), "an error on the server"},
		"GET HTTP 503":           {gets, says(503, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"starting","reason":"ServiceUnavailable","code":503}`), "starting"},
		"GET garbage":            {gets, says(200, "<html>"), "cannot be asked"},
		"GET HTTP 404 of a path": {gets, says(404, "404 page not found"), "does not serve"},
		"GET and watch cut":      {func(*http.Request) bool { return true }, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be asked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, admin, named("secrets", "database"))
			g := newGateway(t, admin, p)
			g.answer = faults(3, test.meant, test.answer)
			w := p.start(t, nil, "secret/database#key=password")
			w.awaitAll(t, "it is not there", test.said)
			p.secret(t, "database", "password", "s3cr3t")
			w.end(t, 0, "it has password")
			if test.said == "" && w.has("fails") != 0 {
				t.Errorf("nothing was wrong:\n%s", w.log())
			}
			if len(w.all) > 20 {
				t.Errorf("%d lines:\n%s", len(w.all), w.log())
			}
		})
	}
}

// A load balancer ends every connection in the middle of the watch.
func TestConnectionIsCut(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	g := newGateway(t, admin, p)
	w := p.start(t, nil, "secret/database#key=password")
	for range 5 {
		before := len(g.requests(asked.watch))
		w.await(t, "it is not there")
		eventually(t, "a watch", func() bool { return len(g.requests(asked.watch)) > before || before > 0 })
		p.secret(t, "database")
		w.await(t, "without the key")
		g.cutAll()
		if err := p.client.CoreV1().Secrets(p.namespace).Delete(t.Context(), "database", deleteNow); err != nil {
			t.Fatal(err)
		}
	}
	w.await(t, "it is not there")
	g.cutAll()
	p.secret(t, "database", "password", "s3cr3t")
	w.end(t, 0, "it has password")
}

// A server that forgets the field selector tells about other objects: none of them is the one that is waited for.
func TestOtherObjectsDoNotCount(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	g := newGateway(t, admin, p)
	other := `{"type":"ADDED","object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"other","namespace":"` + p.namespace + `","resourceVersion":"1"}}}` + "\n"
	g.answer = faults(2, watches, says(200, other))
	w := p.start(t, nil, "secret/database")
	w.await(t, "it is not there")
	eventually(t, "three watches", func() bool { return len(g.requests(asked.watch)) > 2 })
	p.secret(t, "database")
	w.end(t, 0, "it is there")
	if w.has("met: secret/database") != 1 {
		t.Errorf("not met once:\n%s", w.log())
	}
	if last := len(g.requests(asked.watch)); last < 3 {
		t.Errorf("%d watches: another object counted", last)
	}
}
