package talos

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// MaxConfig is how large a machine config may be, in bytes: Talos' own API takes no larger message.
const MaxConfig = 32 << 20

// The kinds of documents that have what seed looks for (config/types of Talos' module pkg/machinery, v1.14.1).
const (
	inlineManifest = "KubeInlineManifestConfig" // name, manifest
	kubePrism      = "KubePrismConfig"          // port
	encryption     = "KubeEtcdEncryptionConfig" // config
	resolver       = "ResolverConfig"           // hostDNS, from v1.14
)

// KubePrismPort is where a node answers for the API server by Talos' default.
const KubePrismPort = 7445

// config is what seed looks for in a machine config. The document without a kind is the one that each config has.
type config struct {
	main  document
	kinds map[string][]document
}

// document is any of them. Talos knows more fields; what they hold is none of seed's business.
type document struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// The one without a kind.
	Machine struct {
		Type     string `json:"type"`
		Features struct {
			KubePrism *struct {
				Enabled bool `json:"enabled"`
				Port    int  `json:"port"`
			} `json:"kubePrism"`
			HostDNS hostDNS `json:"hostDNS"`
		} `json:"features"`
	} `json:"machine"`
	Cluster struct {
		InlineManifests []struct {
			Name string `json:"name"`
		} `json:"inlineManifests"`
		SecretboxEncryptionSecret any `json:"secretboxEncryptionSecret"`
		AESCBCEncryptionSecret    any `json:"aescbcEncryptionSecret"`
	} `json:"cluster"`
	// kubePrism.
	Port int `json:"port"`
	// resolver.
	HostDNS hostDNS `json:"hostDNS"`
	// encryption.
	Config struct {
		Resources []struct {
			Resources []string         `json:"resources"`
			Providers []map[string]any `json:"providers"`
		} `json:"resources"`
	} `json:"config"`
}

type hostDNS struct {
	Enabled              bool `json:"enabled"`
	ForwardKubeDNSToHost bool `json:"forwardKubeDNSToHost"`
}

// Check looks in a control plane's machine config for what a birth needs there, and changes nothing. The error says all
// that would keep seed from its work, a warning what is worth a look. Nothing of the config's content is in either.
func Check(v Version, data []byte) (warnings []string, err error) {
	c, err := read(data)
	if err != nil {
		return nil, err
	}
	err = errors.Join(c.checkKinds(v), c.checkMachine(), c.checkKubePrism(v), c.checkManifests(v))
	return slices.Concat(c.warnHostDNS(v), c.warnEncryption(v)), err
}

func read(data []byte) (config, error) {
	c := config{kinds: map[string][]document{}}
	found := 0
	reader := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for n := 1; ; n++ {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c, fmt.Errorf("document %d cannot be read", n)
		}
		var d *document
		if err := yaml.Unmarshal(text, &d); err != nil {
			return c, fmt.Errorf("document %d is no machine config%s: name the file that talosctl made", n, line(err))
		}
		switch {
		case d == nil: // a comment
		case d.Kind == "":
			c.main, found = *d, found+1
		default:
			c.kinds[d.Kind] = append(c.kinds[d.Kind], *d)
		}
	}
	if found != 1 {
		return c, fmt.Errorf("it holds %d documents without a kind, and a machine config has exactly one, with machine and cluster: name the whole config of a control plane, not a patch", found)
	}
	return c, nil
}

var atLine = regexp.MustCompile(`line \d+`)

// line is where an error was, and nothing else of it: it may quote a secret.
func line(err error) string {
	if at := atLine.FindString(err.Error()); at != "" {
		return " (" + at + ")"
	}
	return ""
}
