package talos

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/encoder"
	"github.com/siderolabs/talos/pkg/machinery/config/generate"
	"github.com/siderolabs/talos/pkg/machinery/config/generate/secrets"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"
	"github.com/siderolabs/talos/pkg/machinery/constants"
)

const endpoint = "https://10.0.0.1:6443"

// contract is a generation of the machine config: what "talosctl gen config --talos-version" makes.
type contract struct {
	name string
	*config.VersionContract
	// bundle is made once: a key of 4096 bits takes seconds.
	bundle func() (*secrets.Bundle, error)
}

var contracts = func() (all []contract) {
	for minor := 6; minor <= 13; minor++ {
		name := fmt.Sprintf("1.%d", minor)
		version, err := config.ParseContractFromVersion(name)
		if err != nil {
			panic(err) // these versions are fixed
		}
		all = append(all, contract{name, version, sync.OnceValues(func() (*secrets.Bundle, error) {
			return secrets.NewBundle(secrets.NewFixedClock(time.Now()), version)
		})})
	}
	return all
}()

func (c contract) secrets(t *testing.T) *secrets.Bundle {
	t.Helper()
	bundle, err := c.bundle()
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

// config is a machine config as Talos writes it into a file, without its comments.
func (c contract) config(t *testing.T, kind machine.Type, options ...generate.Option) []byte {
	t.Helper()
	options = append([]generate.Option{
		generate.WithVersionContract(c.VersionContract), generate.WithSecretsBundle(c.secrets(t)), generate.WithInstallDisk("/dev/sda"),
	}, options...)
	input, err := generate.NewInput("home", endpoint, constants.DefaultKubernetesVersion, options...)
	if err != nil {
		t.Fatal(err)
	}
	generated, err := input.Config(kind)
	if err != nil {
		t.Fatal(err)
	}
	text, err := generated.EncodeBytes(encoder.WithComments(encoder.CommentsDisabled))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func load(t *testing.T, text []byte) config.Provider {
	t.Helper()
	loaded, err := configloader.NewFromBytes(text)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// mode is what a machine runs on. Talos' own type is internal.
type mode struct {
	name               string
	install, container bool
}

func (m mode) String() string        { return m.name }
func (m mode) RequiresInstall() bool { return m.install }
func (m mode) InContainer() bool     { return m.container }

// modes are those in which a generated config of the contract is valid: in a container Talos wants host DNS to answer for
// the cluster's, which generated configs have from 1.8.
func (c contract) modes() []mode {
	all := []mode{{"metal", true, false}, {"cloud", false, false}}
	if c.Greater(config.TalosVersion1_7) {
		all = append(all, mode{"container", false, true})
	}
	return all
}
