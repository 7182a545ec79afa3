package wire

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// UUID identifies a message, a request or a client, in the usual byte order.
// In a message header its two halves stand swapped.
type UUID [16]byte

// uuidText is the length of a UUID as text, hyphens included.
const uuidText = 36

// RandomUUID makes a version 4 UUID out of 128 random bits, of which it uses
// 122.
func RandomUUID(hi, lo uint64) UUID {
	var u UUID
	binary.BigEndian.PutUint64(u[:8], hi&^0xf000|0x4000)
	binary.BigEndian.PutUint64(u[8:], lo&^(3<<62)|2<<62)
	return u
}

// ParseUUID reads the text form, hyphens included, in either case.
func ParseUUID(s string) (UUID, error) {
	u, ok := parseUUID([]byte(s))
	if !ok {
		return UUID{}, errors.New("not a UUID")
	}
	return u, nil
}

// String returns the text form, lower case with hyphens.
func (u UUID) String() string { return string(u.append(nil)) }

// append appends the text form without allocating.
func (u UUID) append(dst []byte) []byte {
	var b [uuidText]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:], u[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return append(dst, b[:]...)
}

func parseUUID(s []byte) (u UUID, ok bool) {
	if len(s) != uuidText || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID{}, false
	}
	for _, part := range [...]struct{ to, from, end int }{{0, 0, 8}, {4, 9, 13}, {6, 14, 18}, {8, 19, 23}, {10, 24, 36}} {
		if _, err := hex.Decode(u[part.to:], s[part.from:part.end]); err != nil {
			return UUID{}, false
		}
	}
	return u, true
}

// put writes the UUID with its halves swapped.
func (u UUID) put(dst []byte) {
	copy(dst[:8], u[8:])
	copy(dst[8:16], u[:8])
}

// swappedUUID reads what put has written.
func swappedUUID(src []byte) UUID {
	var u UUID
	copy(u[8:], src[:8])
	copy(u[:8], src[8:16])
	return u
}
