// Package eso holds the cases of internal/template against the code of External Secrets Operator itself.
//
// It is a module of its own, so that the operator's dependencies stay out of seed's go.mod, and each side is compiled with
// its own versions of the libraries: "make templates" runs it. Its go.mod and go.sum began as copies of the operator's:
// some of what those name has no entry in the checksum database. For another version of the operator begin there again.
package eso
