// Package talos holds seed's binary against the code of Talos itself: its patcher, its generator, its validation, its keys.
//
// It is a module of its own, so that Talos' dependencies stay out of seed's go.mod: "make test-talos" runs it. Talos itself
// has the version of go.mod. That of v1.14.1 cannot be built with what the Go module proxy gives out (it wants
// cosi-project/runtime v1.16.3): of that one only the text is read.
package talos
