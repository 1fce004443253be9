package claim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// maxKey is the longest key of a Secret, in bytes.
const maxKey = 253

// convert makes the keys of a dataFrom fit for a Secret and decodes the values, as External Secrets
// Operator does (https://external-secrets.io/latest/guides/getallsecrets/).
func convert(conversion esv1.ExternalSecretConversionStrategy, decoding esv1.ExternalSecretDecodingStrategy, in map[string]secret.String) (map[string]secret.String, error) {
	out := map[string]secret.String{}
	for _, name := range slices.Sorted(maps.Keys(in)) { // in order, so that the same error comes again
		key := secretKey(conversion, name)
		if key == "" {
			continue
		}
		if len(key) > maxKey {
			return nil, failure.Blocked(fmt.Errorf("the name %s... makes a key longer than the %d bytes of a Secret's: rename it in the vault", key[:40], maxKey))
		}
		if _, taken := out[key]; taken {
			return nil, failure.Blocked(fmt.Errorf("two names in the vault make the same key %q: rename one, or use conversionStrategy Unicode", key))
		}
		decoded, err := decode(decoding, in[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[key] = decoded
	}
	return out, nil
}

// secretKey replaces what a Secret's key may not hold.
func secretKey(conversion esv1.ExternalSecretConversionStrategy, name string) string {
	var key strings.Builder
	for _, r := range name {
		switch {
		case unicode.IsLetter(r), unicode.IsNumber(r), strings.ContainsRune("-._", r):
			key.WriteRune(r)
		case conversion == esv1.ExternalSecretConversionUnicode:
			fmt.Fprintf(&key, "_U%04x_", r)
		default:
			key.WriteByte('_')
		}
	}
	return key.String()
}

// decode undoes base64. Auto takes what is neither kind of base64 as it is.
func decode(strategy esv1.ExternalSecretDecodingStrategy, value secret.String) (secret.String, error) {
	var encodings []*base64.Encoding
	switch strategy {
	case esv1.ExternalSecretDecodeBase64:
		encodings = []*base64.Encoding{base64.StdEncoding}
	case esv1.ExternalSecretDecodeBase64URL:
		encodings = []*base64.Encoding{base64.URLEncoding}
	case esv1.ExternalSecretDecodeAuto:
		encodings = []*base64.Encoding{base64.StdEncoding, base64.URLEncoding}
	default:
		return value, nil
	}
	for _, encoding := range encodings {
		if decoded, err := encoding.DecodeString(value.Reveal()); err == nil {
			return secret.New(string(decoded)), nil
		}
	}
	if strategy == esv1.ExternalSecretDecodeAuto {
		return value, nil
	}
	return secret.String{}, failure.Blocked(fmt.Errorf("the value is not %s, which decodingStrategy asks for: correct one of them", strategy))
}
