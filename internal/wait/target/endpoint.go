package target

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// parseEndpoint reads a URL and its settings, NAME=VALUE with & between.
func parseEndpoint(subject, settings string) (*Endpoint, error) {
	address, err := url.Parse(subject)
	if err != nil {
		return nil, errors.New("it is no URL") // why could show a password
	}
	if _, set := address.User.Password(); set {
		return nil, errors.New("a password in a URL is seen by everybody who sees the Pod: use #password-secret=NAME/KEY or #password-file=FILE")
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
			return nil, fmt.Errorf("setting %q: it is spelled NAME=VALUE, each name once", setting)
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

func (e *Endpoint) checkAddress() error {
	u := e.URL
	switch {
	case u.Hostname() == "":
		return errors.New("it names no host")
	case e.is("tcp", "dns") && (u.User != nil || u.Path != "" || u.RawQuery != ""):
		return fmt.Errorf("it is spelled tcp://HOST:PORT or dns://NAME, with nothing behind %s", u.Host)
	case e.is("dns") && (u.Port() != "" || net.ParseIP(u.Hostname()) != nil):
		return errors.New("dns:// takes a name without a port: tcp://HOST:PORT looks at an address")
	case e.is("tcp") && u.Port() == "":
		return errors.New("it names no port")
	case e.is("http", "https") && u.User != nil:
		return errors.New("a user name is not sent: leave it out")
	case e.is("postgres", "postgresql"):
		u.Scheme = "postgres" // libpq knows both
		for name := range u.Query() {
			if name != "sslmode" && name != "sslrootcert" {
				return fmt.Errorf("the URL's parameter %q is not used here: there are sslmode and sslrootcert", name)
			}
		}
	case !e.is("tcp", "dns", "http", "https"):
		return fmt.Errorf("there is no %s://, only tcp, http, https, dns and postgres", u.Scheme)
	}
	if port, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || port < 1 || port > 65535) {
		return fmt.Errorf("port %s: ports go from 1 to 65535", u.Port())
	}
	return nil
}

func (e *Endpoint) is(schemes ...string) bool {
	for _, scheme := range schemes {
		if e.URL.Scheme == scheme {
			return true
		}
	}
	return false
}

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
		return fmt.Errorf("%s:// has no setting %q: http has status, https also ca, postgres password-file and password-secret", e.URL.Scheme, name)
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
	for _, part := range parts {
		if part == "" {
			parts = nil
		}
	}
	switch len(parts) {
	case 2:
		return &SecretKey{Name: parts[0], Key: parts[1]}, nil
	case 3:
		return &SecretKey{Namespace: parts[0], Name: parts[1], Key: parts[2]}, nil
	}
	return nil, fmt.Errorf("%q: password-secret is spelled [NAMESPACE/]NAME/KEY", text)
}
