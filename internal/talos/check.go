package talos

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// checkKinds finds a config of a release that has documents of its own for Kubernetes, where another was named.
func (c config) checkKinds(v Version) error {
	if !v.before(documents) {
		return nil
	}
	for _, kind := range []string{inlineManifest, kubePrism, encryption} {
		if len(c.kinds[kind]) > 0 {
			return fmt.Errorf("it has a %s, which Talos knows from %s on: render with --talos-version %s", kind, documents, documents[1:])
		}
	}
	return nil
}

// checkMachine wants a control plane: on others Talos applies no inline manifest.
func (c config) checkMachine() error {
	switch c.main.Machine.Type {
	case "controlplane", "init":
		return nil
	case "":
		return errors.New("it has no machine.type: name the whole config of a control plane, not a patch")
	case "worker":
		return errors.New("machine.type is worker: Talos applies inline manifests on control planes only: name the config of a control plane")
	}
	return errors.New("machine.type is none that Talos knows: it must be controlplane")
}

// checkKubePrism wants the way to the API server. Talos has it on in the configs that it generates; where the field is
// missing it is off.
func (c config) checkKubePrism(v Version) error {
	field, cure := "machine.features.kubePrism", fmt.Sprintf("set machine.features.kubePrism to {enabled: true, port: %d}", KubePrismPort)
	enabled, port := false, 0
	switch legacy := c.main.Machine.Features.KubePrism; {
	case !v.before(documents) && len(c.kinds[kubePrism]) > 0:
		field, enabled, port = kubePrism, true, c.kinds[kubePrism][0].Port
		cure = fmt.Sprintf("set its port to %d", KubePrismPort)
	case legacy != nil:
		enabled, port = legacy.Enabled, cmp.Or(legacy.Port, KubePrismPort)
	case !v.before(documents): // Talos takes one of field and document
		cure = fmt.Sprintf("add the document {apiVersion: v1alpha1, kind: %s, port: %d}", kubePrism, KubePrismPort)
	}
	switch {
	case !enabled:
		return fmt.Errorf("KubePrism is off, and before there is a network seed reaches the API server by nothing else: %s", cure)
	case port != KubePrismPort:
		return fmt.Errorf("%s has the port %d, and seed asks at %d: %s", field, port, KubePrismPort, cure)
	}
	return nil
}

// checkManifests finds an earlier one: in the list of inline manifests Talos takes no second of a name.
func (c config) checkManifests(v Version) error {
	for _, m := range c.main.Cluster.InlineManifests {
		if m.Name != Name {
			continue
		}
		why := "Talos refuses a second one of that name"
		if !v.before(documents) {
			why = "it would count instead of the document"
		}
		return fmt.Errorf("cluster.inlineManifests has one with the name %s already, and %s: remove it first, with the patch cluster: {inlineManifests: [{name: %s, $patch: delete}]}", Name, why, Name)
	}
	return nil
}

// warnHostDNS tells of a node whose Pods ask the servers of its network themselves. That works as well as these do.
func (c config) warnHostDNS(v Version) []string {
	const since, forwarding = Version("v1.7"), Version("v1.8")
	dns := c.main.Machine.Features.HostDNS
	cure := "machine.features.hostDNS"
	if !v.before(documents) {
		cure = "hostDNS of the document " + resolver
		if own := c.kinds[resolver]; len(own) > 0 && own[0].HostDNS.Enabled { // else the field counts
			dns = own[0].HostDNS
		}
	}
	if v.before(since) || dns.Enabled && (dns.ForwardKubeDNSToHost || v.before(forwarding)) {
		return nil
	}
	return []string{"host DNS is off: seed then asks the DNS servers of the node's network itself, at most three, without a cache. Set enabled and forwardKubeDNSToHost in " + cure + " if that is not meant"}
}

// warnEncryption tells that Secrets would lie in etcd in the clear.
func (c config) warnEncryption(v Version) []string {
	cure := "set cluster.secretboxEncryptionSecret"
	encrypted := given(c.main.Cluster.SecretboxEncryptionSecret) || given(c.main.Cluster.AESCBCEncryptionSecret)
	if !v.before(documents) {
		cure = "add a document " + encryption
		encrypted = encrypted || slices.ContainsFunc(c.kinds[encryption], document.encrypts)
	}
	if encrypted {
		return nil
	}
	return []string{"Secrets will lie in etcd in the clear: " + cure + ", as talosctl gen config does"}
}

func given(value any) bool { return value != nil && value != "" }

// encrypts tells whether new Secrets are encrypted: the first provider of the first entry with them writes
// (https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/).
func (d document) encrypts() bool {
	for _, r := range d.Config.Resources {
		all := slices.ContainsFunc(r.Resources, func(name string) bool { return name == "secrets" || name == "*." || name == "*.*" })
		if all && len(r.Providers) > 0 {
			_, clear := r.Providers[0]["identity"]
			return !clear
		}
	}
	return false
}
