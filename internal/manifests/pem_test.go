package manifests_test

import "encoding/pem"

// certificate is that of an authority whose key is gone.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUOP/dKYcXzu+P+wX6pQ/bSlTM3mMwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEaG9tZTAeFw0yNjExMjIwNjQ5NDVaFw0yNjExMjMwNjQ5NDVa
MA8xDTALBgNVBAMMBGhvbWUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQwdPOn
50UOzmuEFPx73GQga96RfqX81y+hn7fhtadEyRow1W/CiSbhFK3MHt5EyWxFgegV
pMr7BADuGhHNnW3Bo1MwUTAdBgNVHQ4EFgQUqvytCGxbVcP2lXhgk+oF3b007ycw
HwYDVR0jBBgwFoAUqvytCGxbVcP2lXhgk+oF3b007ycwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiEAkJxr4N+jM3rQWzXd6XEFhWDreT0mfZvQ9Jep
1Fs7Q7kCIAD5j5YBbkxv8sTIXFbTHZ2FHdgHpl48hgB49OZlyOKp
-----END CERTIFICATE-----
`

// What only looks like PEM: its content is no key and no certificate.
var (
	key    = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("s3cr3t")}))
	broken = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("s3cr3t")}))
)
