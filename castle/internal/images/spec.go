// Package images assembles the castle's container images from static binaries and pushes them to its registry.
package images

import "compress/gzip"

// Spec says what one image looks like: a single static binary on an empty file system.
type Spec struct {
	// Name is the full reference that manifests use, for example "registry.k8s.io/pause:3.10".
	Name string
	// Path is where the binary lies in the image; its folders are made.
	Path string
	// Links are paths of symbolic links to Path.
	Links []string
	// Entrypoint and Command are the image's, as in a Dockerfile's ENTRYPOINT and CMD.
	Entrypoint, Command []string
	// User is "uid:gid" in numbers, as runAsNonRoot demands; empty is root.
	User string
	// Env has the form NAME=value.
	Env []string
	// Compression is that of the layer, from 1 to gzip's 9, as published. 0: the fastest.
	Compression int `json:",omitempty"`
}

const (
	search  = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	nonroot = "65532:65532" // the user "nonroot" of distroless images
	nobody  = "65534:65534"
)

// The images whose tag is fixed. Entry points, users and environment are those of the published images; where a
// published image starts its program through an init or holds a distribution (Flux: Alpine with CA certificates,
// kustomize-controller also with git, ssh and gnupg; External Secrets Operator: distroless, with CA certificates), these hold the program alone.
var (
	Pause = Spec{Name: "registry.k8s.io/pause:3.10", Path: "/pause", Entrypoint: []string{"/pause"}, User: "65535:65535"}

	SourceController       = flux("source-controller", "v1.9.5")
	KustomizeController    = flux("kustomize-controller", "v1.9.5", "GNUPGHOME=/tmp")
	HelmController         = flux("helm-controller", "v1.6.2")
	NotificationController = flux("notification-controller", "v1.9.3")

	// ExternalSecrets is External Secrets Operator, as the Dockerfile of that version says.
	ExternalSecrets = Spec{
		Name: "ghcr.io/external-secrets/external-secrets:v0.20.4",
		Path: "/bin/external-secrets", Entrypoint: []string{"/bin/external-secrets"}, User: "65534",
		Env: []string{search, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"}, // from the distroless image beneath it
	}

	// Busybox holds the binary of Debian's busybox-static package, which is of this version.
	Busybox = Spec{
		Name: "docker.io/library/busybox:1.35.0",
		Path: "/bin/busybox", Command: []string{"sh"}, Env: []string{search},
		Links: applets("sh", "ash", "cat", "cp", "date", "echo", "env", "false", "grep", "head", "httpd", "id", "ls", "mkdir",
			"mv", "nc", "nslookup", "printf", "ps", "rm", "sed", "sleep", "tail", "test", "touch", "true", "wc", "wget"),
	}
)

// CoreDNS is the DNS server's image at a tag such as "v1.14.7". Its user is not root: binding port 53 needs the
// container runtime's unprivileged ports, which containerd 2 turns on by default.
func CoreDNS(tag string) Spec {
	return Spec{
		Name: "registry.k8s.io/coredns/coredns:" + tag,
		Path: "/coredns", Entrypoint: []string{"/coredns"}, User: nonroot, Env: []string{search},
	}
}

// Seed is this project's agent at the given version.
func Seed(version string) Spec { return own("seed", version) }

// Waitfor is this project's init container at the given version. A Pod waits for its image: it is as small as can be.
func Waitfor(version string) Spec {
	spec := own("waitfor", version)
	spec.Compression = gzip.BestCompression
	return spec
}

// DatabaseStandIn is the castle's program in place of a database, at the given version.
func DatabaseStandIn(version string) Spec {
	spec := own("database-stand-in", version)
	spec.Name = "ghcr.io/tazlab/castle-database-stand-in:" + version
	return spec
}

func own(name, version string) Spec {
	return Spec{Name: "ghcr.io/tazlab/" + name + ":" + version, Path: "/" + name, Entrypoint: []string{"/" + name}, User: nonroot}
}

func flux(name, tag string, env ...string) Spec {
	return Spec{
		Name: "ghcr.io/fluxcd/" + name + ":" + tag,
		Path: "/usr/local/bin/" + name, Entrypoint: []string{name}, User: nobody, Env: append([]string{search}, env...),
	}
}

func applets(names ...string) []string {
	links := make([]string, len(names))
	for i, name := range names {
		links[i] = "/bin/" + name
	}
	return links
}
