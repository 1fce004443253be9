package follow

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/report"
)

// pullReasons are the reasons for which a container waits for its image. A registry that does not answer may do so
// in the next moment; ImagePullBackOff comes after that.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/kubelet/images/types.go
var pullReasons = []string{
	"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed",
}

func unpulled(pod *corev1.Pod) *finding {
	for _, c := range containers(pod) {
		if c.State.Waiting == nil || !slices.Contains(pullReasons, c.State.Waiting.Reason) {
			continue
		}
		f := &finding{class: ImagePull, why: report.Public(c.State.Waiting.Message), patience: settled}
		if f.why == "" {
			f.why = fmt.Sprintf("%s of %s", c.State.Waiting.Reason, c.Image)
		}
		if slices.Contains([]string{"ErrImagePull", "RegistryUnavailable"}, c.State.Waiting.Reason) {
			f.patience = lasting
		}
		f.cure = pullCure(f.why)
		return f
	}
	return nil
}

// advice is what to do about an error whose text, in small letters, has one of the words. No word may be part of a
// name or a digest.
type advice struct {
	words []string
	cure  string
}

// pulls are sorted: the first that fits is the one that says most.
var pulls = []advice{
	{[]string{"server gave http response to https client"}, "the registry does not speak TLS: name it with http:// as a mirror's endpoint (Talos: RegistryMirrorConfig)"},
	{[]string{"x509:", "tls:", "certificate"}, "have the node trust the registry's authority (Talos: TrustedRootsConfig, or RegistryTLSConfig for this registry), and look at the node's clock"},
	{[]string{"too many requests", "toomanyrequests"}, "the registry limits how much is pulled: use a mirror (Talos: RegistryMirrorConfig) or log in (RegistryAuthConfig)"},
	{[]string{"lookup ", "no such host", "server misbehaving"}, "look at the node's name servers, and at the name of the registry or its mirror (Talos: RegistryMirrorConfig)"},
	{[]string{"unauthorized", "forbidden", "denied", "authorization failed"}, "the registry wants another login, or has no such image: look at the name, and give the pull Secret to Flux' ServiceAccounts in the unit that brings Flux, " +
		"or the login to the node (Talos: RegistryAuthConfig)"},
	{[]string{"no match for platform"}, "the image is not built for the node's architecture: name one that is, in the unit that brings Flux"},
	{[]string{"not found", "manifest unknown"}, "no such image there: look at its name and tag in the unit that brings Flux, and that the mirror holds it, if there is one (Talos: RegistryMirrorConfig)"},
	{[]string{"no space left"}, "the node's disk is full: give it a larger one"},
	{[]string{"i/o timeout", "connection refused", "unreachable", "connection reset", "no route to host", ": eof", "deadline exceeded", "handshake timeout"},
		"look at the way from the node to the registry: route, firewall, proxy (Talos: machine.env), mirror (RegistryMirrorConfig)"},
}

func pullCure(message string) string {
	message = strings.ToLower(message)
	for _, a := range pulls {
		if slices.ContainsFunc(a.words, func(word string) bool { return strings.Contains(message, word) }) {
			return a.cure
		}
	}
	return "look at the image's name in the unit that brings Flux, and at registry, mirror and pull Secret"
}
