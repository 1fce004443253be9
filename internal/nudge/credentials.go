package nudge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/live"
)

// refusals are the words of those who refuse a credential: go-git, its SSH, HTTP servers, registries, S3. Some Git servers
// say of a repository that one may not see that it is not there.
var refusals = []string{
	"authentication required", "authorization failed", "invalid auth method", "unable to authenticate", "repository not found",
	"unauthorized", "forbidden", "denied", "invalid credentials", "accesskeyid", "signaturedoesnotmatch",
}

// waitsForCredential: source-controller does not watch Secrets, and tries again after a back-off of up to 15 minutes. Its reason
// AuthenticationFailed is for what it sees itself, as a Secret that is not there. What a server says has another reason.
// https://github.com/fluxcd/source-controller/blob/v1.9.5/internal/controller/gitrepository_controller.go
func waitsForCredential(u *unit) bool {
	if u.kind.Group != sourcev1.GroupVersion.Group || len(secretsOf(u)) == 0 {
		return false
	}
	switch u.failed.Reason {
	case sourcev1.AuthenticationFailedReason:
		return true
	case sourcev1.GitOperationFailedReason, sourcev1.OCIPullFailedReason, sourcev1.ReadOperationFailedReason, sourcev1.BucketOperationFailedReason, meta.FailedReason:
		message := strings.ToLower(u.failed.Message)
		return slices.ContainsFunc(refusals, func(word string) bool { return strings.Contains(message, word) })
	}
	return false
}

// credentialsWritten are the Secrets that the source names, if all are there. Each write of one is a cause. Only their
// metadata is watched.
func credentialsWritten(_ context.Context, s *state, u *unit) cause {
	var c cause
	for _, name := range secretsOf(u) {
		found, _ := s.want(live.Query{Kind: corev1.SchemeGroupVersion.WithKind("Secret"), Namespace: u.GetNamespace(), Name: name, Metadata: true})
		if len(found) == 0 {
			return cause{}
		}
		c.id += fmt.Sprintln(found[0].GetUID(), found[0].GetResourceVersion())
		if at := written(found[0]); at.After(c.at) {
			c.at, c.text = at, "Secret "+u.GetNamespace()+"/"+name+" was written"
		}
	}
	return c
}

// secretsOf are the names of the Secrets that u needs: credential, certificates, proxy.
func secretsOf(u *unit) []string {
	var refs []*meta.LocalObjectReference
	switch o := u.Object.(type) {
	case *sourcev1.GitRepository:
		refs = []*meta.LocalObjectReference{o.Spec.SecretRef, o.Spec.ProxySecretRef}
	case *sourcev1.OCIRepository:
		refs = []*meta.LocalObjectReference{o.Spec.SecretRef, o.Spec.CertSecretRef, o.Spec.ProxySecretRef}
	case *sourcev1.HelmRepository:
		refs = []*meta.LocalObjectReference{o.Spec.SecretRef, o.Spec.CertSecretRef}
	case *sourcev1.Bucket:
		refs = []*meta.LocalObjectReference{o.Spec.SecretRef, o.Spec.CertSecretRef, o.Spec.ProxySecretRef}
	}
	var names []string
	for _, ref := range refs {
		if ref != nil && !slices.Contains(names, ref.Name) {
			names = append(names, ref.Name)
		}
	}
	return names
}
