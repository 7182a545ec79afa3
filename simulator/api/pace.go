package api

import (
	"context"
	"net/http"
	"time"
)

// throttled reports whether a call comes too soon after those before it: the
// operation may be called Rate times a second, and as often at once.
func (s *Server) throttled(operation string) *Error {
	if s.config.Rate <= 0 {
		return nil
	}
	rate := float64(s.config.Rate)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets == nil {
		s.buckets = map[string]bucket{}
	}
	b, known := s.buckets[operation]
	if !known {
		b = bucket{tokens: rate, at: now}
	}
	b.tokens = min(rate, b.tokens+now.Sub(b.at).Seconds()*rate)
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		s.buckets[operation] = b
		return nil
	}
	s.buckets[operation] = b
	return &Error{"ThrottlingException", "Rate exceeded", http.StatusBadRequest}
}

// bucket holds the calls that may still come.
type bucket struct {
	tokens float64
	at     time.Time
}

// delay lets the time pass that AWS would take. It returns early where the
// client goes away.
func (s *Server) delay(ctx context.Context) {
	if s.config.Latency <= 0 {
		return
	}
	timer := time.NewTimer(s.config.Latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
