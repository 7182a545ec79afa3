package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"
)

// paging is what every list operation takes.
type paging struct {
	MaxResults *int
	NextToken  string
	SortBy     string
	SortOrder  string
}

const (
	defaultPage = 10 // AWS: "The default value for MaxResults is 10"
	ascending   = "Ascending"
	descending  = "Descending"
	byCreation  = "CreationTime"
	byModified  = "LastModifiedTime"
)

func (p paging) check(c *constraints, sortBy ...string) {
	c.maxResults(p.MaxResults)
	c.enum("sortOrder", p.SortOrder, ascending, descending)
	c.enum("sortBy", p.SortBy, sortBy...)
}

// pageOf cuts the page that p asks for out of items, and returns the token of
// the next one, empty after the last. scope names the operation and its
// filters: AWS refuses a token that comes with another question.
func pageOf[T any](s *Server, items []T, p paging, scope string) ([]T, string, error) {
	scope += "|" + p.SortBy + "|" + p.SortOrder
	start := 0
	if p.NextToken != "" {
		at, ok := s.openToken(p.NextToken, scope)
		if !ok {
			return nil, "", validation("Invalid NextToken.")
		}
		start = min(at, len(items))
	}
	limit := defaultPage
	if p.MaxResults != nil {
		limit = *p.MaxResults
	}
	end := min(start+limit, len(items))
	if end == len(items) {
		return items[start:end], "", nil
	}
	return items[start:end], s.makeToken(end, scope), nil
}

func (s *Server) makeToken(at int, scope string) string {
	place := binary.BigEndian.AppendUint32(nil, uint32(at))
	return base64.StdEncoding.EncodeToString(append(place, s.seal(place, scope)...))
}

func (s *Server) openToken(token, scope string) (int, bool) {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(raw) != 4+sha256.Size || !hmac.Equal(raw[4:], s.seal(raw[:4], scope)) {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(raw)), true
}

func (s *Server) seal(place []byte, scope string) []byte {
	h := hmac.New(sha256.New, s.page[:])
	h.Write(place)
	h.Write([]byte(scope))
	return h.Sum(nil)
}

// epoch is a time as the JSON protocol writes it: seconds since 1970, with
// milliseconds.
type epoch time.Time

// MarshalJSON implements json.Marshaler.
func (e epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(e).UnixMilli())/1000, 'f', 3, 64), nil
}
