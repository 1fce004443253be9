// Package charts renders the charts of this repository with Helm's own code.
//
// It is a module of its own, so that Helm stays out of the go.mod of seed and of the castle: "make charts" runs it. Helm has
// the version that Flux's helm-controller is built with (castle/parts/flux/go.mod).
package charts
