package fetch

import "time"

// All limits of this package. The files lie in a tmpfs of 128 MiB (see internal/manifests) and count into
// the container's memory, so a source that is too large must end with words and not with a killed process.
const (
	// defaultTimeout is the default of spec.timeout of Flux's sources.
	defaultTimeout = 60 * time.Second

	// maxFetched bounds the bytes written while one source is fetched: Git's pack and the files, or the
	// unpacked layer. With two sources kept already it fits into the tmpfs.
	maxFetched = 64 << 20
	// maxEntries bounds the entries of a layer's archive.
	maxEntries = 20_000
	// maxCached bounds the Git objects that the clone holds in memory beside that.
	maxCached = 16 << 20

	// maxKept bounds the bytes, maxFiles the number of the files left of one source after its ignore rules;
	// maxFile bounds each of them.
	maxKept  = 32 << 20
	maxFiles = 10_000
	maxFile  = 16 << 20

	// maxAnswer bounds the bytes read of an answer of GitHub's API.
	maxAnswer = 1 << 20
	// maxErrorText bounds the bytes of an error that quotes a server: some answer with a page of HTML.
	maxErrorText = 600

	// registryPause and registryTries are how often a registry is asked: seed starts over by itself, so what
	// is not a hiccup is better told at once.
	registryPause = 200 * time.Millisecond
	registryTries = 2

	// appTokenBackdate makes up for a clock that runs ahead of GitHub's, appTokenLife is how long the token
	// that an App signs is valid: it is used once, at once.
	appTokenBackdate = 30 * time.Second
	appTokenLife     = 2 * time.Minute
)
