package template

import (
	"fmt"
	"maps"
	"strings"

	engine "github.com/DataDog/datadog-agent/pkg/template/text"
	"github.com/Masterminds/sprig/v3"
)

// functions are those of ESO that give the same text each time, in ESO v0.20.4 as in v2.9.0: then what
// seed writes is what ESO will write. sprig is ESO's own fork, in ESO's version: see the replace in go.mod.
var functions = table()

func table() engine.FuncMap {
	all := sprig.HermeticTxtFuncMap()
	for name := range lacking {
		delete(all, name)
	}
	maps.Copy(all, engine.FuncMap{"toYaml": toYAML, "fromYaml": fromYAML, "filterPEM": filterPEM})
	return all
}

// Why seed lacks a function, and what to do.
const (
	random   = "it gives another text each time, so External Secrets Operator would write another Secret than seed; put the finished text into the vault"
	clock    = "it depends on the clock or the time zone, so External Secrets Operator could write another Secret than seed; put the finished text into the vault"
	differs  = "versions of External Secrets Operator differ in it; use upper, lower, title or replace, or put the finished text into the vault"
	outside  = "it reads what is neither in Git nor in the vault; bring the value with spec.data"
	newer    = "External Secrets Operator has it only since a later version than v0.20.4; put the finished text into the vault"
	versions = "its result is good for calls of methods only, which seed has not; use semverCompare"
	missed   = "External Secrets Operator has it, seed has not; put the finished text into the vault"
)

// lacking are the functions of ESO v0.20.4 and v2.9.0 that seed lacks.
var lacking = reasons(map[string]string{
	random: `randAlphaNum randAlpha randAscii randNumeric randBytes randInt shuffle uuidv4 bcrypt htpasswd encryptAES
		genPrivateKey genCA genCAWithKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey
		pemToPkcs12 pemToPkcs12Pass fullPemToPkcs12 fullPemToPkcs12Pass pemTruststoreToPKCS12 pemTruststoreToPKCS12Pass`,
	clock: `now ago date date_in_zone date_modify dateInZone dateModify htmlDate htmlDateInZone must_date_modify
		mustDateModify toDate mustToDate unixEpoch`,
	differs:  "camelcase",
	outside:  "getSecretKey getHostByName",
	newer:    "sha512sum hexdec certSANs",
	versions: "semver",
	missed:   `buildCustomCert filterCertChain jwkPublicKeyPem jwkPrivateKeyPem pkcs12key pkcs12keyPass pkcs12cert pkcs12certPass rsaDecrypt`,
})

func reasons(names map[string]string) map[string]string {
	byName := map[string]string{}
	for reason, list := range names {
		for name := range strings.FieldsSeq(list) {
			byName[name] = reason
		}
	}
	return byName
}

// why tells why seed lacks a function, and the cure.
func why(name string) string {
	if reason := lacking[name]; reason != "" {
		return reason
	}
	return fmt.Sprintf("External Secrets Operator has no %s either, see https://external-secrets.io/latest/guides/templating/#helper-functions", name)
}
