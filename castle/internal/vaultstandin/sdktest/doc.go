// Package sdktest proves that Infisical's own Go client can use the vault
// stand-in.
//
// It is a module of its own so that the client's many dependencies stay out of
// the castle's go.mod. The castle's versions still count here, so run it with
//
//	go test -mod=mod ./...
//
// which brings this go.mod up to them.
package sdktest
