package fetch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/version"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tazlab/seed/internal/failure"
)

// helmChart is the media type of a Helm chart's layer; Helm writes "+" of a version as "_" in a tag.
const helmChart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// reference is the digest or tag that spec.ref names: a digest before a range of versions before a tag.
func reference(repo *sourcev1.OCIRepository, r name.Repository, options []remote.Option) (name.Reference, error) {
	ref := repo.Spec.Reference
	switch {
	case ref == nil:
		return r.Tag(name.DefaultTag), nil
	case ref.Digest != "":
		return r.Digest(ref.Digest), nil
	case ref.SemVer != "":
		return newest(r, ref, repo.GetLayerMediaType() == helmChart, options)
	case ref.Tag != "":
		return r.Tag(ref.Tag), nil
	}
	return r.Tag(name.DefaultTag), nil
}

// newest is the tag of the newest version in the range.
func newest(r name.Repository, ref *sourcev1.OCIRepositoryRef, chart bool, options []remote.Option) (name.Reference, error) {
	constraint, err := semver.NewConstraint(ref.SemVer)
	if err != nil {
		return nil, failure.Blocked(fmt.Errorf("spec.ref.semver %q: %w", ref.SemVer, err))
	}
	filter, err := regexp.Compile(ref.SemverFilter)
	if err != nil {
		return nil, failure.Blocked(fmt.Errorf("spec.ref.semverFilter: %w", err))
	}
	tags, err := remote.List(r, options...)
	if err != nil {
		return nil, fmt.Errorf("listing the tags: %w", err)
	}
	var matching semver.Collection
	for _, tag := range tags {
		if !filter.MatchString(tag) {
			continue
		}
		if chart {
			tag = strings.ReplaceAll(tag, "_", "+")
		}
		if v, err := version.ParseVersion(tag); err == nil && constraint.Check(v) {
			matching = append(matching, v)
		}
	}
	if len(matching) == 0 {
		return nil, failure.Blocked(fmt.Errorf("no tag of the %d there is in spec.ref.semver %q (semverFilter %q)", len(tags), ref.SemVer, ref.SemverFilter))
	}
	tag := slices.MaxFunc(matching, (*semver.Version).Compare).Original()
	if chart {
		tag = strings.ReplaceAll(tag, "+", "_")
	}
	return r.Tag(tag), nil
}

// resolve asks which digest ref has now. The revision is "digest" or "tag@digest".
func resolve(ref name.Reference, options []remote.Option) (revision, digest string, err error) {
	if ref, ok := ref.(name.Digest); ok {
		hash, err := v1.NewHash(ref.DigestStr())
		if err != nil {
			return "", "", failure.Blocked(fmt.Errorf("spec.ref.digest: %w", err))
		}
		return hash.String(), hash.String(), nil
	}
	head, err := remote.Head(ref, options...)
	if err == nil {
		return ref.Identifier() + "@" + head.Digest.String(), head.Digest.String(), nil
	}
	// Not every registry answers HEAD, and none says with it why not.
	got, err := remote.Get(ref, options...)
	if err != nil {
		return "", "", err
	}
	return ref.Identifier() + "@" + got.Digest.String(), got.Digest.String(), nil
}
