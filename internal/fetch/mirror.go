package fetch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Mirrors lead from a registry to another place that holds its repositories. It is a flag's value: each Set adds one.
type Mirrors []mirror

// mirror is one of them, as name.Registry spells hosts: docker.io is index.docker.io.
type mirror struct{ host, to string }

// Set implements pflag.Value: it adds a mirror written as HOST=MIRROR[/PREFIX].
func (m *Mirrors) Set(text string) error {
	host, to, ok := strings.Cut(text, "=")
	if !ok || host == "" || to == "" {
		return errors.New("write it as HOST=MIRROR, for example ghcr.io=registry.home:5000/ghcr")
	}
	if strings.Contains(to, "://") {
		return errors.New("write the mirror without a scheme, for example registry.home:5000/ghcr: it is asked by https")
	}
	registry, err := name.NewRegistry(host, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("the registry: %w", err)
	}
	// A name below it says whether host and prefix can be those of a repository.
	below, err := name.NewRepository(to+"/seed", name.StrictValidation)
	if err != nil || below.RegistryStr() != strings.SplitN(to, "/", 2)[0] {
		return errors.New("the mirror must be a host with a dot or a port, and perhaps a path, for example registry.home:5000/ghcr")
	}
	if other := m.of(registry.RegistryStr()); other != "" {
		return fmt.Errorf("%s has the mirror %s already: name one", host, other)
	}
	*m = append(*m, mirror{registry.RegistryStr(), to})
	return nil
}

// Type implements pflag.Value.
func (*Mirrors) Type() string { return "HOST=MIRROR" }

// String implements pflag.Value.
func (m *Mirrors) String() string { return strings.Join(m.Each(), ",") }

// Each returns the mirrors as Set takes them.
func (m *Mirrors) Each() []string {
	var all []string
	for _, one := range *m {
		all = append(all, one.host+"="+one.to)
	}
	return all
}

// Image returns the reference of an image at the mirror of its registry; without a mirror it is the same.
func (m *Mirrors) Image(image string) (string, error) {
	if len(*m) == 0 {
		return image, nil
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		return "", err
	}
	to := m.of(ref.Context().RegistryStr())
	if to == "" {
		return image, nil
	}
	// Tag and digest stay as they were written: an image may have both.
	last, identifier := image[strings.LastIndex(image, "/")+1:], ""
	if at := strings.IndexAny(last, ":@"); at >= 0 {
		identifier = last[at:]
	}
	return to + "/" + ref.Context().RepositoryStr() + identifier, nil
}

func (m *Mirrors) of(host string) string {
	for _, one := range *m {
		if one.host == host {
			return one.to
		}
	}
	return ""
}

// repository is where the artifacts of an address without oci:// are fetched from, and how that is told; insecure counts
// for the registry itself only: its mirror is another server.
func (m *Mirrors) repository(address string, insecure bool) (at name.Repository, mirrored bool, err error) {
	at, err = name.NewRepository(address)
	if err != nil {
		return at, false, err
	}
	if to := m.of(at.RegistryStr()); to != "" {
		at, err = name.NewRepository(to + "/" + at.RepositoryStr())
		return at, true, err
	}
	if insecure {
		at, err = name.NewRepository(address, name.Insecure)
	}
	return at, false, err
}
