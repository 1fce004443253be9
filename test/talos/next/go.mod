// The version of Talos' machinery whose text is read, and not built. go.sum names module and version, and holds it to them.
module github.com/tazlab/seed/test/talos/next

go 1.26.0
