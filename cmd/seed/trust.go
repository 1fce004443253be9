// What trust sets counts in place of the system's certificates, which are part of it.
//
//go:debug x509usefallbackroots=1

package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/manifests"
)

// readAuthorities reads the certificates that the inline manifest may bring, and puts them beside what it held.
func readAuthorities(dir string, stored map[string]string) ([]byte, error) {
	authorities, err := os.ReadFile(filepath.Join(dir, manifests.CAKey))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the authorities: %w", err)
	}
	stored[manifests.CAKey] = string(authorities)
	return authorities, nil
}

// trust makes the authorities count for everything that this process asks and that names no authorities of its own; what
// does name some, as the Secret of a source, adds to these. It can be called once.
func trust(authorities []byte) error {
	system, err := x509.SystemCertPool()
	if err != nil {
		return fmt.Errorf("reading the system's certificates: %w", err)
	}
	pool, err := roots(system, authorities)
	if err != nil {
		return err
	}
	x509.SetFallbackRoots(pool)
	return nil
}

// roots are the system's, or the public ones for an image that has no files, and the authorities.
func roots(system *x509.CertPool, authorities []byte) (*x509.CertPool, error) {
	pool := system
	if system.Equal(x509.NewCertPool()) {
		for root := range bundle.Roots() {
			certificate, err := x509.ParseCertificate(root.Certificate)
			if err != nil {
				return nil, fmt.Errorf("reading the public authorities: %w", err)
			}
			if root.Constraint == nil {
				pool.AddCert(certificate)
			} else {
				pool.AddCertWithConstraint(certificate, root.Constraint)
			}
		}
	}
	if len(authorities) > 0 && !pool.AppendCertsFromPEM(authorities) {
		return nil, failure.Invalid(fmt.Errorf("%s of the inline manifest holds no PEM certificate: render it with the right --ca-file", manifests.CAKey))
	}
	return pool, nil
}
