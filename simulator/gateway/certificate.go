package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
)

// A gateway's certificates are good for a little longer than anybody lets a
// simulator run.
const (
	certificateBackdate = time.Hour
	certificateLife     = 30 * 24 * time.Hour
)

// newCertificate makes an authority, whose key is forgotten at once, and a
// certificate for hosts (names and addresses). authority is PEM.
func newCertificate(hosts []string) (leaf tls.Certificate, authority []byte, err error) {
	wrap := func(err error) error { return fmt.Errorf("make a certificate: %w", err) }
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return leaf, nil, wrap(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return leaf, nil, wrap(err)
	}
	start := time.Now().Add(-certificateBackdate)
	ca := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "Spacehatch simulator authority"},
		NotBefore:    start, NotAfter: start.Add(certificateLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, authorityKey.Public(), authorityKey)
	if err != nil {
		return leaf, nil, wrap(err)
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return leaf, nil, wrap(err)
	}
	server := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "Spacehatch simulator gateway"},
		NotBefore:    start, NotAfter: ca.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, server, ca, key.Public(), authorityKey)
	if err != nil {
		return leaf, nil, wrap(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), nil
}

// serial returns a serial number that no other certificate has.
func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	b[0] &= 0x7f        // positive
	return new(big.Int).SetBytes(b)
}

// writeAuthority writes the authority for clients to trust; it is no secret.
func writeAuthority(path string, authority []byte) error {
	if err := atomicfile.Write(path, authority, 0o644); err != nil {
		return fmt.Errorf("write the certificate authority: %w", err)
	}
	return nil
}

// removeFile removes a file that may be gone.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
