// The Go modules whose custom resource definitions the tree's objects are held against. Nothing is built here: go.sum names
// the modules and versions, and test/tree downloads them.
module github.com/tazlab/seed/test/crds

go 1.26.0
