package simulator

import "net/http"

// The page of IAM Identity Center on which a person lets a program sign in. It
// asks for no password: everybody here is [api.SignInUser].
//
//	GET  /device?user_code=C      the page
//	GET  /api/device?user_code=C  which program asks, and what became of it, JSON
//	POST /api/device              user_code and answer (allow or deny), a form

func (s *studio) serveDevice(w http.ResponseWriter, r *http.Request) {
	client, state, ok := s.api.Device(r.FormValue("user_code"))
	if !ok {
		http.Error(w, "Nothing waits for this code.", http.StatusNotFound)
		return
	}
	writeJSON(w, struct {
		Client string `json:"client"`
		State  string `json:"state"`
	}{client, string(state)})
}

func (s *studio) answerDevice(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<12)
	answer := r.PostFormValue("answer")
	if answer != "allow" && answer != "deny" {
		http.Error(w, "An answer is allow or deny.", http.StatusBadRequest)
		return
	}
	if !s.api.AnswerDevice(r.PostFormValue("user_code"), answer == "allow") {
		http.Error(w, "Nothing waits for this code (any more).", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
