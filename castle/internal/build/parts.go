package build

import "time"

// Part is one program of the castle and how it is compiled.
type Part struct {
	// Name is the program's file name, unique in the table.
	Name string
	// Module is the folder of the Go module to build in, relative to the checkout's root.
	Module string
	// Package is the main package: an import path pinned by the module's go.mod, or, for a package of the module
	// itself, a path that starts with ".".
	Package string
	// Tags are build tags, separated by commas.
	Tags string
	// LDFlags are added to "-s -w". {version}, {major} and {minor} stand for the version of VersionOf.
	LDFlags string
	// GCFlags are those of the compiler; see Parts.
	GCFlags string
	// VersionOf is the module whose version, as go.mod pins it, the program prints. Empty: none.
	VersionOf string
	// Hint is the rough time of a first build on 2 cores when all earlier parts of the table are built already.
	// It is only shown, never acted on.
	Hint time.Duration
}

const (
	kubernetes = "castle/parts/kubernetes"
	containerd = "castle/parts/containerd"
	coredns    = "castle/parts/coredns"
	flux       = "castle/parts/flux"
	eso        = "castle/parts/eso"

	containerdModule = "github.com/containerd/containerd/v2"

	kubernetesVersion = "-X k8s.io/component-base/version.gitVersion={version}" +
		" -X k8s.io/component-base/version.gitMajor={major} -X k8s.io/component-base/version.gitMinor={minor}"
	containerdVersion = "-X " + containerdModule + "/version.Version={version}"
)

// Parts is the castle's table. Its order is the order of building: what a node needs comes first, and programs that
// share packages stand together, the one with most of them first.
//
// Flags that reach the compiler (tags apart) are the same for all, so that parts of one module share Go's build cache: for
// all but waitfor, which is a megabyte smaller without inlining, and shares nothing.
func Parts() []Part {
	return []Part{
		{Name: "pause", Module: "castle", Package: "./cmd/pause", Hint: 2 * time.Second},
		{Name: "database-stand-in", Module: "castle", Package: "./cmd/database-stand-in", Hint: 60 * time.Second},
		{Name: "seed", Module: ".", Package: "./cmd/seed", Tags: "agent", Hint: 180 * time.Second},
		{Name: "waitfor", Module: ".", Package: "./cmd/waitfor", GCFlags: "all=-l", Hint: 90 * time.Second},
		{Name: "etcd", Module: kubernetes, Package: "go.etcd.io/etcd/server/v3", Hint: 44 * time.Second},
		kubernetesPart("kube-apiserver", 155*time.Second),
		kubernetesPart("kube-controller-manager", 43*time.Second),
		kubernetesPart("kube-scheduler", 4*time.Second),
		kubernetesPart("kube-proxy", 9*time.Second),
		kubernetesPart("kubelet", 17*time.Second),
		kubernetesPart("kubectl", 30*time.Second),
		containerdPart("containerd", 45*time.Second),
		containerdPart("containerd-shim-runc-v2", 3*time.Second),
		containerdPart("ctr", 5*time.Second),
		{Name: "coredns", Module: coredns, Package: ".", Hint: 75 * time.Second},
		fluxPart("source-controller", 300*time.Second),
		fluxPart("kustomize-controller", 90*time.Second),
		fluxPart("helm-controller", 45*time.Second),
		fluxPart("notification-controller", 45*time.Second),
		{Name: "external-secrets", Module: eso, Package: "github.com/external-secrets/external-secrets", Hint: 320 * time.Second},
	}
}

func kubernetesPart(name string, hint time.Duration) Part {
	return Part{
		Name: name, Module: kubernetes, Package: "k8s.io/kubernetes/cmd/" + name,
		LDFlags: kubernetesVersion, VersionOf: "k8s.io/kubernetes", Hint: hint,
	}
}

// containerdPart leaves out the btrfs snapshotter, which would need cgo.
func containerdPart(name string, hint time.Duration) Part {
	return Part{
		Name: name, Module: containerd, Package: containerdModule + "/cmd/" + name, Tags: "no_btrfs",
		LDFlags: containerdVersion, VersionOf: containerdModule, Hint: hint,
	}
}

func fluxPart(name string, hint time.Duration) Part {
	return Part{Name: name, Module: flux, Package: "github.com/fluxcd/" + name, Hint: hint}
}
