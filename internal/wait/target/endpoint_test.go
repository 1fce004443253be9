package target_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/wait/target"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]target.Endpoint{
		"tcp://db:5432":                          {},
		"tcp://[::1]:5432":                       {},
		"TCP://db.apps.svc:1":                    {},
		"dns://db.apps.svc":                      {},
		"http://web":                             {},
		"http://[fd00::1]:8080/ready":            {},
		"https://web:8443/a%20b?c=d":             {},
		"http://web/#status=200":                 {Status: []target.Range{{From: 200, To: 200}}},
		"http://web/#status=200,204,300-399":     {Status: []target.Range{{From: 200, To: 200}, {From: 204, To: 204}, {From: 300, To: 399}}},
		"https://web/#ca=/etc/ca.crt&status=401": {Status: []target.Range{{From: 401, To: 401}}, CAFile: "/etc/ca.crt"},
		"postgres://db":                          {},
		"postgres://app@db:5433/app?sslmode=verify-full&sslrootcert=/ca": {},
		"postgres://db#password-file=/run/password":                      {PasswordFile: "/run/password"},
		"postgres://a@db/a#password-secret=db/password":                  {PasswordSecret: &target.SecretKey{Name: "db", Key: "password"}},
		"postgres://db#password-secret=apps/db/pass.word":                {PasswordSecret: &target.SecretKey{Namespace: "apps", Name: "db", Key: "pass.word"}},
	} {
		got, err := target.Parse(text)
		if err != nil {
			t.Error(err)
			continue
		}
		address, _, _ := strings.Cut(text, "#")
		if got.Object != nil || got.Endpoint == nil || !strings.EqualFold(got.Endpoint.URL.String(), address) {
			t.Errorf("%s: got %+v", text, got.Endpoint)
			continue
		}
		want.URL = got.Endpoint.URL
		if !reflect.DeepEqual(*got.Endpoint, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", text, *got.Endpoint, want)
		}
	}
}

// libpq knows two schemes for the same.
func TestPostgresqlIsPostgres(t *testing.T) {
	t.Parallel()
	got, err := target.Parse("postgresql://db/app")
	if err != nil || got.Endpoint.URL.String() != "postgres://db/app" {
		t.Errorf("got %+v, %v", got.Endpoint, err)
	}
}

func TestNoEndpoints(t *testing.T) {
	t.Parallel()
	for text, cure := range map[string]string{
		"://db:1":                           "it is no URL: missing protocol scheme",
		"tcp://db:http":                     `it is no URL: invalid port ":http"`,
		"tcp://db":                          "it names no port",
		"tcp://db:":                         "it names no port",
		"tcp://:80":                         "it names no host",
		"tcp://":                            "it names no host",
		"tcp://db:0":                        "from 1 to 65535",
		"tcp://db:65536":                    "from 1 to 65535",
		"tcp://::1:80":                      "in brackets",
		"tcp://db:80/x":                     "with nothing before or behind",
		"tcp://db:80?x":                     "with nothing before or behind",
		"tcp://me@db:80":                    "with nothing before or behind",
		"tcp://db:80#status=200":            `tcp:// has no setting "status"`,
		"tcp://db:80 tcp://db:81":           "several targets are several arguments",
		"http://a/ http://b/":               "several targets are several arguments",
		"dns://db:53":                       "a name without a port",
		"dns://10.0.0.1":                    "a name without a port",
		"dns://[::1]":                       "a name without a port",
		"dns://db/x":                        "with nothing before or behind",
		"ftp://db:1":                        "only tcp, http, https, dns and postgres",
		"secret://db":                       "only tcp, http, https, dns and postgres",
		"ftp:///x":                          "only tcp, http, https, dns and postgres",
		"http:///x":                         "it names no host",
		"http://web:x/":                     "it is no URL",
		"http://me@web/":                    "a user name is not sent",
		"http://web/#":                      "nothing follows the #",
		"http://web/#status":                "NAME=VALUE",
		"http://web/#status=":               "NAME=VALUE",
		"http://web/#status=200&":           "NAME=VALUE",
		"http://web/#status=200&status=204": "each name once",
		"http://web/#status=ok":             "for example status=200,300-399",
		"http://web/#status=200-":           "for example status=200,300-399",
		"http://web/#status=399-200":        "for example status=200,300-399",
		"http://web/#status=99":             "for example status=200,300-399",
		"http://web/#status=600":            "for example status=200,300-399",
		"http://web/#status=200, 204":       "for example status=200,300-399",
		"http://web/#ca=/ca":                `http:// has no setting "ca"`,
		"https://web/#ready":                "NAME=VALUE",
		"https://web/#password-file=/x":     "has no setting",
		"postgres://db/a/b":                 "one name of a database",
		"postgres://db?sslmode=on":          "it is one of disable",
		"postgres://db?sslmode=":            "it is one of disable",
		"postgres://db?sslmode=require&sslmode=disable":      "is there twice",
		"postgres://db?connect_timeout=1":                    "there are sslmode and sslrootcert",
		"postgres://db?a=%zz":                                "cannot be read",
		"postgres://db#password-secret=db":                   "[NAMESPACE/]NAME/KEY",
		"postgres://db#password-secret=a/b/c/d":              "[NAMESPACE/]NAME/KEY",
		"postgres://db#password-secret=db/":                  "[NAMESPACE/]NAME/KEY",
		"postgres://db#password-secret=/key":                 "[NAMESPACE/]NAME/KEY",
		"postgres://db#password-secret=Db/key":               "[NAMESPACE/]NAME/KEY",
		"postgres://db#password-secret=/db/key":              "no name of a namespace",
		"postgres://db#password-file=/a&password-secret=b/c": "use one of them",
	} {
		got, err := target.Parse(text)
		if err == nil {
			t.Errorf("%q: taken for %+v", text, got.Endpoint)
		} else if !strings.Contains(err.Error(), cure) {
			t.Errorf("%q: %v\nlacks %q", text, err, cure)
		}
	}
}

// Wherever people put a password, it is refused, and the error does not show it.
func TestPasswordsAreRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"postgres://app:%s@db/app",
		"postgresql://app:%s@db",
		"http://app:%s@web/",
		"tcp://app:%s@db:1",
		"postgres://app:%s@db:x/",
		"postgres://app:%s@",
		"postgres://db/app?password=%s",
		"postgres://db/app?sslpassword=%s",
		"postgres://db/app?user=a&password=%s&sslmode=require",
		"postgres://db#password=%s",
		"postgres://db#password=a&password=%s",
		"postgres://db#=%s",
		"postgres://a@db?password=%s@x#y",
	} {
		for _, password := range []string{"hunter2", "hun#ter2", "hun/ter2", "hun?ter2", "hun@ter2", "hun&ter2", "hun%zter2", "hun ter2"} {
			text := fmt.Sprintf(text, password)
			got, err := target.Parse(text)
			if err == nil {
				t.Errorf("%q: taken for %+v", text, got.Endpoint)
			} else if strings.Contains(err.Error(), "hun") || strings.Contains(err.Error(), "ter2") {
				t.Errorf("%q is shown: %v", text, err)
			}
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                                  nil,
		" \n\t\r\n":                         nil,
		"secret/a":                          {"secret/a"},
		"secret/a\nsecret/b\n":              {"secret/a", "secret/b"},
		"\n  secret/a \r\n\n tcp://b:1\t\n": {"secret/a", "tcp://b:1"},
		"pod?app in (a, b)#any":             {"pod?app in (a, b)#any"},
	} {
		if got := target.Lines(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestUnusable(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	marked := fmt.Errorf("around: %w", target.Unusable(cause))
	if !target.IsUnusable(marked) || !errors.Is(marked, cause) || marked.Error() != "around: cause" {
		t.Errorf("%v is not marked as it should be", marked)
	}
	if target.IsUnusable(cause) || target.IsUnusable(nil) || target.Unusable(nil) != nil {
		t.Error("what is not marked is taken for marked")
	}
}

// What Parse accepts can be waited for, and says what for.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"secret/a", "a/secret/b#key=c,d", "widgets.v1beta1.example.com/x#ready", "role/a:b", "pod?a in (b,c),!d#min=2&condition=Ready=False",
		"pod/x#jsonpath={.a[?(@.b==\"}\")].c}='d'", "pod/x#jsonpath=.a=b", "job/x#complete", "secret/x#deleted", "secrte/x", "pod?#any&",
		"tcp://[::1]:1", "dns://a", "http://a:1/b?c=d#status=200,300-399", "https://a#ca=b", "postgres://a:s3cret@b/c?sslmode=require#password-secret=d/e/f",
		"postgres://a#password-file=b", "", "#", "://", "?", "/", "tcp://::1:1", "a@b://c#d",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := target.Parse(text)
		if err != nil {
			hidden(t, text, err)
			return
		}
		switch o, e := got.Object, got.Endpoint; {
		case got.Text != text && (e == nil || e.URL.RawQuery == "") || (o == nil) == (e == nil):
			t.Errorf("%q: got %+v", text, got)
		case o != nil && ((o.Name == "") == (o.Selector == nil) || o.Selector != nil && o.Selector.Empty() || o.Kind == "" || o.Check.Word == "" || o.Least < 0):
			t.Errorf("%q: got %+v", text, *o)
		case o != nil && (o.Check.Word == target.Key) != (len(o.Check.Keys) > 0), o != nil && o.Check.Value != nil && *o.Check.Value == "":
			t.Errorf("%q: got the check %+v", text, o.Check)
		case e != nil && (e.URL.Hostname() == "" || e.PasswordFile != "" && e.PasswordSecret != nil):
			t.Errorf("%q: got %+v", text, *e)
		}
		if e := got.Endpoint; e != nil {
			if _, set := e.URL.User.Password(); set {
				t.Errorf("%q: a password was accepted", text)
			}
		}
	})
}

// hidden checks that an error does not show what stands where a password does: between the first : and the last @ of a URL.
func hidden(t *testing.T, text string, err error) {
	t.Helper()
	_, rest, address := strings.Cut(text, "://")
	if user := strings.LastIndex(rest, "@"); address && user > 0 {
		// Short ones are in every error, as parts of words.
		if _, password, set := strings.Cut(rest[:user], ":"); set && len(password) > 12 && strings.Contains(err.Error(), password) {
			t.Errorf("%q: the error shows the password: %v", text, err)
		}
	}
}

// What stands in every line of the log must not hold what people put into a query.
func TestQueryIsNotShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://web/ready?token=hush#status=200&ca=/ca": "https://web/ready?...#status=200&ca=/ca",
		"http://web?hush":               "http://web?...",
		"http://web/ready":              "http://web/ready",
		"postgres://db?sslmode=disable": "postgres://db?sslmode=disable",
		"pod?app=db#ready":              "pod?app=db#ready",
	} {
		got, err := target.Parse(text)
		if err != nil || got.Text != want {
			t.Errorf("%s is shown as %q, %v; want %q", text, got.Text, err, want)
		}
		if e := got.Endpoint; e != nil && strings.Contains(text, "hush") && !strings.Contains(e.URL.RawQuery, "hush") {
			t.Errorf("%s is asked as %s", text, e.URL)
		}
	}
}
