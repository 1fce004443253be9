// Package sdktest proves that Infisical's own Go client can use the vault
// stand-in.
//
// It is a module of its own so that the client's many dependencies stay out of
// the castle's go.mod: "make sdk" runs it. The castle's versions still count
// here, so "go mod tidy" it after a change of the castle's go.mod.
package sdktest
