package fetch

import (
	"context"
	"fmt"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Secrets returns the data of the Secret name in the source's namespace.
type Secrets func(ctx context.Context, name string) (map[string][]byte, error)

// Result is what was fetched.
type Result struct {
	// Revision is spelled as source-controller spells it.
	Revision string
	// Notes are what people should know about it.
	Notes []string
}

// Source brings the files of a GitRepository or OCIRepository into dir, which must be empty.
func Source(ctx context.Context, source client.Object, secrets Secrets, dir string) (Result, error) {
	var err error
	var data map[string][]byte
	var r Result
	switch s := source.(type) {
	case *sourcev1.GitRepository:
		if s.Spec.SecretRef != nil {
			if data, err = secrets(ctx, s.Spec.SecretRef.Name); err != nil {
				return r, err
			}
		}
		r.Revision, err = Git(ctx, s, data, dir)
	case *sourcev1.OCIRepository:
		if s.Spec.CertSecretRef != nil {
			if data, err = secrets(ctx, s.Spec.CertSecretRef.Name); err != nil {
				return r, err
			}
		}
		r.Revision, err = OCI(ctx, s, data, dir)
	default:
		err = fmt.Errorf("cannot fetch %T", source)
	}
	return r, err
}
