package claim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/tidwall/gjson"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim/infisical"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// reader reads what one claim asks for; a secret that several data name is read once.
type reader struct {
	*Claimer
	store *esv1.ClusterSecretStore
	scope infisical.Scope
	seen  map[string]secret.String
}

// values reads what spec.dataFrom asks for, then what spec.data does; the later wins, as External Secrets
// Operator has it
// (https://github.com/external-secrets/external-secrets/blob/v2.9.0/pkg/controllers/externalsecret/externalsecret_controller_secret.go).
func (c *Claimer) values(ctx context.Context, claim bundle.Claim) (map[string]secret.String, error) {
	from := claim.Store.Spec.Provider.Infisical.SecretsScope
	r := &reader{Claimer: c, store: claim.Store, seen: map[string]secret.String{}, scope: infisical.Scope{
		ProjectSlug:      from.ProjectSlug,
		EnvironmentSlug:  from.EnvironmentSlug,
		Path:             from.SecretsPath,
		Recursive:        from.Recursive,
		ExpandReferences: from.ExpandSecretReferences,
	}}
	values := map[string]secret.String{}
	for i, from := range claim.Secret.Spec.DataFrom {
		found, err := r.dataFrom(ctx, from)
		if err != nil {
			return nil, fmt.Errorf("spec.dataFrom[%d]: %w", i, err)
		}
		maps.Copy(values, found)
	}
	for i, data := range claim.Secret.Spec.Data {
		value, err := r.get(ctx, data.RemoteRef)
		if err == nil {
			value, err = decode(data.RemoteRef.DecodingStrategy, value)
		}
		if err != nil {
			return nil, fmt.Errorf("spec.data[%d]: %w", i, err)
		}
		values[data.SecretKey] = value
	}
	return values, nil
}

func (r *reader) dataFrom(ctx context.Context, from esv1.ExternalSecretDataFromRemoteRef) (map[string]secret.String, error) {
	if from.Find != nil {
		found, err := r.find(ctx, *from.Find)
		if err != nil {
			return nil, err
		}
		return convert(from.Find.ConversionStrategy, from.Find.DecodingStrategy, found)
	}
	if from.Extract == nil {
		return nil, failure.Blocked(errors.New("it has neither extract nor find"))
	}
	found, err := r.extract(ctx, *from.Extract)
	if err != nil {
		return nil, err
	}
	return convert(from.Extract.ConversionStrategy, from.Extract.DecodingStrategy, found)
}

// get reads one secret, or one property of the JSON in it. A property that is no text is empty, as it is
// with External Secrets Operator.
func (r *reader) get(ctx context.Context, ref esv1.ExternalSecretDataRemoteRef) (secret.String, error) {
	value, ok := r.seen[ref.Key]
	if !ok {
		err := r.ask(ctx, r.store, func(session *infisical.Session) (err error) {
			value, err = session.Secret(ctx, r.scope, ref.Key)
			return err
		})
		if err != nil {
			return secret.String{}, err
		}
		r.seen[ref.Key] = value
	}
	if ref.Property == "" {
		return value, nil
	}
	property := gjson.Get(value.Reveal(), ref.Property)
	if !property.Exists() {
		return secret.String{}, failure.Blocked(fmt.Errorf("the secret %q has no property %q: correct remoteRef.property, or the JSON in the vault", ref.Key, ref.Property))
	}
	return secret.New(property.Str), nil
}

// extract reads one secret that is a JSON object: a text is taken without its quotes, any other value as it
// is written.
func (r *reader) extract(ctx context.Context, ref esv1.ExternalSecretDataRemoteRef) (map[string]secret.String, error) {
	value, err := r.get(ctx, ref)
	if err != nil {
		return nil, err
	}
	var properties map[string]json.RawMessage
	if json.Unmarshal([]byte(value.Reveal()), &properties) != nil { // the error would quote the value
		return nil, failure.Blocked(fmt.Errorf("the secret %q is not a JSON object, which extract needs: correct it in the vault, or use spec.data, or find for a whole folder", ref.Key))
	}
	found := map[string]secret.String{}
	for key, raw := range properties {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		found[key] = secret.New(text)
	}
	return found, nil
}

// find reads the secrets of the scope whose name matches and whose folder begins with the path. Where
// folders hold the same key, the last one wins, as with External Secrets Operator.
func (r *reader) find(ctx context.Context, find esv1.ExternalSecretFind) (map[string]secret.String, error) {
	name := regexp.MustCompile("")
	if find.Name != nil {
		var err error
		if name, err = regexp.Compile(find.Name.RegExp); err != nil {
			return nil, failure.Blocked(fmt.Errorf("find.name.regexp: %w", err))
		}
	}
	var entries []infisical.Entry
	err := r.ask(ctx, r.store, func(session *infisical.Session) (err error) {
		entries, err = session.List(ctx, r.scope)
		return err
	})
	if err != nil {
		return nil, err
	}
	found := map[string]secret.String{}
	for _, entry := range entries {
		if !name.MatchString(entry.Key) || find.Path != nil && !strings.HasPrefix(entry.Path, *find.Path) {
			continue
		}
		if entry.Hidden {
			return nil, fmt.Errorf("the secret %q in %s: %w", entry.Key, entry.Path, infisical.ErrHidden)
		}
		found[entry.Key] = entry.Value
	}
	return found, nil
}
