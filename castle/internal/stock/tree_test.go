package stock

import (
	"strings"
	"testing"
)

const some = `apiVersion: v1
kind: Namespace
metadata:
  name: flux-system
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: kustomize-controller
  namespace: flux-system
spec:
  template:
    spec:
      containers:
      - args:
        - --watch-all-namespaces=true
        name: manager
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: helm-controller
  namespace: flux-system
spec:
  template:
    spec:
      containers:
      - args:
        - --watch-all-namespaces=true
        name: manager
`

func TestFlagsAreAddedToOneController(t *testing.T) {
	got, err := withFlags([]byte(some), []string{"--requeue-dependency=5s", "--concurrent=20"})
	if err != nil {
		t.Fatal(err)
	}
	const flag = "        - --watch-all-namespaces=true\n"
	want := strings.Replace(some, flag, flag+"        - --requeue-dependency=5s\n        - --concurrent=20\n", 1)
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got, err := withFlags([]byte(some), nil); err != nil || string(got) != some {
		t.Errorf("without flags: %s (%v)", got, err)
	}
	if _, err := withFlags([]byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"), []string{"--a"}); err == nil {
		t.Error("a flag for a controller that is not there is no error")
	}
}
