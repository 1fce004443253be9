package target

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// parseEndpoint reads a URL and its settings, NAME=VALUE with & between.
func parseEndpoint(subject, settings string) (*Endpoint, error) {
	address, err := url.Parse(subject)
	if err != nil {
		return nil, noURL(err, strings.Contains(subject+settings, "@"))
	}
	if _, set := address.User.Password(); set {
		return nil, errPassword
	}
	e := &Endpoint{URL: address}
	if err := e.checkAddress(); err != nil {
		return nil, err
	}
	if settings == "" {
		return e, nil
	}
	seen := map[string]bool{}
	for setting := range strings.SplitSeq(settings, "&") {
		name, value, _ := strings.Cut(setting, "=")
		if seen[name] || value == "" {
			return nil, fmt.Errorf("the setting %q: it is spelled NAME=VALUE, each name once", name)
		}
		seen[name] = true
		if err := e.set(name, value); err != nil {
			return nil, err
		}
	}
	if seen["password-file"] && seen["password-secret"] {
		return nil, errors.New("password-file and password-secret: use one of them")
	}
	return e, nil
}

var errPassword = errors.New("a password in a URL is seen by everybody who sees the Pod: use #password-secret=NAME/KEY or #password-file=FILE")

// noURL says why, unless there is a user and so perhaps a password, which url.Parse would take for a port.
func noURL(err error, user bool) error {
	if detailed, ok := errors.AsType[*url.Error](err); ok && !user {
		return fmt.Errorf("it is no URL: %w", detailed.Err)
	}
	return errors.New("it is no URL")
}

func (e *Endpoint) checkAddress() error {
	u := e.URL
	host, port := u.Hostname(), u.Port()
	switch {
	case !e.is("tcp", "dns", "http", "https", "postgres", "postgresql"):
		return fmt.Errorf("there is no %s://, only tcp, http, https, dns and postgres", u.Scheme)
	case host == "":
		return errors.New("it names no host")
	case strings.Contains(host, ":") && !strings.HasPrefix(u.Host, "["):
		return errors.New("an IPv6 address is written in brackets, as in tcp://[::1]:5432")
	}
	if number, err := strconv.Atoi(port); port != "" && (err != nil || number < 1 || number > 65535) {
		return fmt.Errorf("port %s: ports go from 1 to 65535", port)
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		u.Scheme = "postgres" // libpq knows both
		return checkPostgres(u)
	case "tcp", "dns":
		return checkBare(u)
	}
	if u.User != nil {
		return errors.New("a user name is not sent: leave it out")
	}
	return nil
}

// checkBare is for what has nothing but a host and a port.
func checkBare(u *url.URL) error {
	switch isDNS := u.Scheme == "dns"; {
	case u.User != nil || u.Path != "" || u.RawQuery != "":
		return errors.New("it is spelled tcp://HOST:PORT or dns://NAME, with nothing before or behind that")
	case isDNS && (u.Port() != "" || net.ParseIP(u.Hostname()) != nil):
		return errors.New("dns:// takes a name without a port: tcp://HOST:PORT looks at an address")
	case !isDNS && u.Port() == "":
		return errors.New("it names no port")
	}
	return nil
}

// SSLModes are libpq's (https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION).
var SSLModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

func checkPostgres(u *url.URL) error {
	if strings.Contains(u.RawQuery, "password=") { // first: what follows the next & may be a part of it
		return errPassword
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("what follows the ? cannot be read: it is spelled sslmode=verify-full&sslrootcert=FILE")
	}
	for name, values := range parameters {
		switch {
		case name != "sslmode" && name != "sslrootcert":
			return fmt.Errorf("the URL's parameter %q is not used here: there are sslmode and sslrootcert", name)
		case len(values) > 1:
			return fmt.Errorf("the URL's parameter %s is there twice", name)
		case name == "sslmode" && !slices.Contains(SSLModes, values[0]):
			return fmt.Errorf("sslmode=%s: it is one of %s", values[0], strings.Join(SSLModes, ", "))
		}
	}
	if strings.Contains(strings.TrimPrefix(u.Path, "/"), "/") {
		return errors.New("one name of a database follows the host: postgres://HOST/DB")
	}
	return nil
}

func (e *Endpoint) is(schemes ...string) bool { return slices.Contains(schemes, e.URL.Scheme) }

func (e *Endpoint) set(name, value string) error {
	var err error
	switch {
	case name == "status" && e.is("http", "https"):
		e.Status, err = parseRanges(value)
	case name == "ca" && e.is("https"):
		e.CAFile = value
	case name == "password-file" && e.is("postgres"):
		e.PasswordFile = value
	case name == "password-secret" && e.is("postgres"):
		e.PasswordSecret, err = parseSecretKey(value)
	default:
		return fmt.Errorf("%s:// has no setting %q: http has status, https has status and ca, postgres has password-file and password-secret", e.URL.Scheme, name)
	}
	return err
}

func parseRanges(text string) ([]Range, error) {
	var all []Range
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		from, errFrom := strconv.Atoi(low)
		to, errTo := strconv.Atoi(high)
		if errFrom != nil || errTo != nil || from < 100 || to > 599 || from > to {
			return nil, fmt.Errorf("status %q: write statuses and ranges from 100 to 599, for example status=200,300-399", part)
		}
		all = append(all, Range{from, to})
	}
	return all, nil
}

func parseSecretKey(text string) (*SecretKey, error) {
	parts := strings.Split(text, "/")
	var key SecretKey
	switch len(parts) {
	case 2:
		key = SecretKey{Name: parts[0], Key: parts[1]}
	case 3:
		key = SecretKey{Namespace: parts[0], Name: parts[1], Key: parts[2]}
	}
	if len(validation.IsDNS1123Subdomain(key.Name)) > 0 || len(validation.IsConfigMapKey(key.Key)) > 0 {
		return nil, errors.New("password-secret names a Secret and its key: it is spelled [NAMESPACE/]NAME/KEY")
	}
	if len(parts) == 3 {
		return &key, checkNamespace(key.Namespace)
	}
	return &key, nil
}
