package fetch

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	fluxsecrets "github.com/fluxcd/pkg/runtime/secrets"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// gitHubApp asks GitHub for a token of an App's installation. GitHub's own Go client would make seed larger
// by 0.3 MB for two requests.
// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
type gitHubApp struct {
	id, installation, owner string // installation or owner
	key                     *rsa.PrivateKey
	api                     *url.URL
	client                  *http.Client
}

func newGitHubApp(data fluxsecrets.GitHubAppData) (*gitHubApp, error) {
	app := &gitHubApp{
		id:           string(data[fluxsecrets.KeyGitHubAppID]),
		installation: string(data[fluxsecrets.KeyGitHubAppInstallationID]),
		owner:        string(data[fluxsecrets.KeyGitHubAppInstallationOwner]),
	}
	if _, err := strconv.ParseInt(app.id, 10, 64); err != nil {
		return nil, errors.New("its key githubAppID is no number")
	}
	if _, err := strconv.ParseInt(app.installation, 10, 64); err != nil && app.owner == "" {
		return nil, errors.New("its key githubAppInstallationID is no number")
	}
	base := string(data[fluxsecrets.KeyGitHubAppBaseURL])
	if base == "" {
		base = "https://api.github.com"
	}
	var err error
	if app.api, err = url.Parse(base); err != nil || app.api.Host == "" {
		return nil, errors.New("its key githubAppBaseURL is no URL")
	}
	app.key, err = rsaKey(data[fluxsecrets.KeyGitHubAppPrivateKey])
	return app, err
}

// rsaKey reads a private key; GitHub hands out PKCS #1.
func rsaKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("its key githubAppPrivateKey is no PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if rsaKey, ok := key.(*rsa.PrivateKey); ok && err == nil {
		return rsaKey, nil
	}
	return nil, errors.New("its key githubAppPrivateKey holds no RSA key")
}

// apiClient follows no redirect: one could carry the App's signature elsewhere.
func apiClient(config *tls.Config, proxy *url.URL) *http.Client {
	if config != nil {
		config.MinVersion = tls.VersionTLS12
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// token returns the password for Git; it is valid for an hour.
func (a *gitHubApp) token(ctx context.Context) (secret.String, error) {
	defer a.client.CloseIdleConnections()
	installation := a.installation
	if installation == "" {
		var found struct {
			ID int64 `json:"id"`
		}
		// Whether the owner is an organization or a person cannot be told from the name.
		err := a.call(ctx, http.MethodGet, &found, "orgs", a.owner, "installation")
		if refused, ok := errors.AsType[*apiError](err); ok && refused.status == http.StatusNotFound {
			err = a.call(ctx, http.MethodGet, &found, "users", a.owner, "installation")
		}
		if err != nil {
			return secret.String{}, fmt.Errorf("looking for the installation of %s: %w", a.owner, err)
		}
		installation = strconv.FormatInt(found.ID, 10)
	}
	var answer struct {
		Token string `json:"token"`
	}
	if err := a.call(ctx, http.MethodPost, &answer, "app", "installations", installation, "access_tokens"); err != nil {
		return secret.String{}, fmt.Errorf("installation %s: %w", installation, err)
	}
	if answer.Token == "" {
		return secret.String{}, errors.New("the answer holds no token")
	}
	return secret.New(answer.Token), nil
}

// apiError is an answer other than success.
type apiError struct {
	status  int
	message string
	wait    time.Duration // as the answer asks for
}

func (e *apiError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s: %s", e.status, http.StatusText(e.status), e.message))
}

func (a *gitHubApp) call(ctx context.Context, method string, answer any, path ...string) error {
	request, err := http.NewRequestWithContext(ctx, method, a.api.JoinPath(path...).String(), nil)
	if err != nil {
		return err
	}
	proof, err := a.proof(time.Now())
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+proof)
	request.Header.Set("Accept", "application/vnd.github+json")
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode/100 == 2 {
		if err := json.Unmarshal(body, answer); err != nil {
			return errors.New("the answer is no JSON: check githubAppBaseURL") // not %w: the answer holds a token
		}
		return nil
	}
	var said struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &said) // without JSON the status has to do
	refused := &apiError{response.StatusCode, said.Message, failure.RetryAfter(response.Header)}
	switch status := response.StatusCode; {
	case status/100 == 3:
		return fmt.Errorf("%w (seed follows no redirect here: set githubAppBaseURL to the address that answers)", refused)
	case status == http.StatusForbidden && (refused.wait > 0 || response.Header.Get("X-RateLimit-Remaining") == "0"):
		// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
		refused.status = http.StatusTooManyRequests
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return failure.Blocked(fmt.Errorf("%w (check githubAppID and githubAppPrivateKey, the clock of this machine, and whether the installation is suspended)", refused))
	case status == http.StatusNotFound:
		return failure.Blocked(fmt.Errorf("%w (check githubAppInstallationID or githubAppInstallationOwner, and githubAppBaseURL)", refused))
	}
	return refused
}

// proof is the JSON Web Token with which an App says who it is.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
func (a *gitHubApp) proof(now time.Time) (string, error) {
	issued := now.Add(-appTokenBackdate)
	claims, err := json.Marshal(map[string]any{"iss": a.id, "iat": issued.Unix(), "exp": issued.Add(appTokenLife).Unix()})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("signing with githubAppPrivateKey: %w", err)
	}
	return text + "." + encode(signature), nil
}
