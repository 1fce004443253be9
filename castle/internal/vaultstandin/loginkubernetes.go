package vaultstandin

import (
	"context"
	"net/http"
	"slices"
)

// KubernetesAuth is what Infisical calls Kubernetes Auth: it asks the cluster whose token it was given.
type KubernetesAuth struct {
	// AllowedNamespaces and AllowedNames are those of service accounts, or patterns of path.Match; empty is any.
	AllowedNamespaces, AllowedNames []string
}

// TokenReview stands in for the API server that Infisical asks: whose service-account token is it? It must check the
// audience too, if it is to be checked. An error is the review's own: the token is not good.
type TokenReview func(ctx context.Context, jwt string) (namespace, name string, err error)

func (s *Server) loginKubernetes(e *Entry, r *http.Request) (any, *apiError) {
	fields, apiErr := readStrings(r, "identityId", "jwt")
	if apiErr != nil {
		return nil, apiErr
	}
	id := s.identityWhere(func(id Identity) bool { return id.ID == fields[0] && id.Kubernetes != nil })
	if id == nil {
		return nil, notFound("Kubernetes auth method not found for identity, did you configure Kubernetes auth?")
	}
	e.Identity = id.Name
	if s.tokenReview == nil {
		return nil, badRequest("Kubernetes host is required when token review mode is set to API")
	}
	namespace, name, err := s.review(r.Context(), fields[1])
	switch {
	case err != nil:
		return nil, newError(http.StatusUnauthorized, "KubernetesTokenReviewError", err.Error())
	case !allowed(namespace, id.Kubernetes.AllowedNamespaces):
		return nil, unauthorized("Access denied: K8s namespace not allowed.")
	case !allowed(name, id.Kubernetes.AllowedNames):
		return nil, unauthorized("Access denied: K8s name not allowed.")
	}
	return s.issue(&session{identity: id, created: s.now()}), nil
}

// review asks without the lock: the answer may take long, and who gives it may use the Server.
func (s *Server) review(ctx context.Context, jwt string) (namespace, name string, err error) {
	s.mu.Unlock()
	defer s.mu.Lock()
	return s.tokenReview(ctx, jwt)
}

func allowed(value string, list []string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(one string) bool { return fits(value, one) })
}
