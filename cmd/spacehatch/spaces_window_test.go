//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
)

// startsAndStops starts the space "stopped", stops it again, and closes the
// window when it hears that it is; every question is answered with yes.
func startsAndStops() func(view.Screen) (*view.Wish, bool) {
	var asked []string
	once := func(w view.Wish) (*view.Wish, bool) {
		if slices.Contains(asked, w.Do+w.Key) {
			return nil, false
		}
		asked = append(asked, w.Do+w.Key)
		return &w, false
	}
	return func(s view.Screen) (*view.Wish, bool) {
		v := s.Spaces
		if v == nil || v.Loading {
			return nil, false
		}
		if q := v.Question; q != nil {
			return once(view.Wish{Do: view.AnswerSpace, Key: q.Key, Value: string(view.Yes)})
		}
		i := slices.IndexFunc(v.Rows, func(r view.SpaceRow) bool { return r.Name == "stopped" })
		if i < 0 {
			return nil, true
		}
		switch r := v.Rows[i]; {
		case r.Doing != "":
			return nil, false
		case r.Problem != nil:
			return nil, true
		case r.Status == view.SpaceRunning:
			return once(view.Wish{Do: view.StopSpace, Key: r.Key})
		case len(asked) > 2:
			return nil, true
		default:
			return once(view.Wish{Do: view.StartSpace, Key: r.Key})
		}
	}
}

// storyOf is the story of one row: what was said of it, in order and once each.
func storyOf(screens []view.Screen, name string) []string {
	var story []string
	for _, s := range screens {
		if s.Spaces == nil {
			continue
		}
		line := ""
		for _, r := range s.Spaces.Rows {
			if r.Name == name {
				line = strings.TrimSpace(string(r.Status) + " " + r.Doing + " " + r.Waiting)
			}
		}
		if q := s.Spaces.Question; q != nil {
			line = q.Change.Title
		}
		if line != "" && (len(story) == 0 || story[len(story)-1] != line) {
			story = append(story, line)
		}
	}
	return story
}

func TestSpacesInAWindow(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), slowStudio(t, 0)
	d.signedIn(s)
	shown := d.person(t, "starts and stops")
	if got := d.run(t, "", "spaces", "--window"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	screens := shown()
	if first := screens[0].Spaces; first == nil || !first.Loading {
		t.Errorf("the first screen is %+v", screens[0])
	}
	last := screens[len(screens)-1].Spaces
	if last == nil || last.Region == "" || last.Problem != nil || len(last.Rows) < 2 {
		t.Fatalf("the last screen is %+v", screens[len(screens)-1])
	}
	story := strings.Join(storyOf(screens, "stopped"), "\n")
	at := 0
	for _, line := range []string{"stopped", "stopped start", `Start the space "stopped"?`, "running", "running stop", `Stop the space "stopped"?`, "stopped"} {
		next := strings.Index(story[at:], line)
		if next < 0 {
			t.Fatalf("%q is missing after %q in\n%s", line, story[:at], story)
		}
		at += next
	}
	if s.API().Count("sagemaker:CreateApp") != 1 || s.API().Count("sagemaker:DeleteApp") != 1 {
		t.Errorf("AWS was asked %d times to start, %d times to stop", s.API().Count("sagemaker:CreateApp"), s.API().Count("sagemaker:DeleteApp"))
	}
}

// waitsForTheProblem closes the window when there is one instead of a list.
func waitsForTheProblem() func(view.Screen) (*view.Wish, bool) {
	return func(s view.Screen) (*view.Wish, bool) { return nil, s.Spaces != nil && s.Spaces.Problem != nil }
}

// signsInFirst asks for the sign-in that the list needs, and closes the window
// when there is a list.
func signsInFirst() func(view.Screen) (*view.Wish, bool) {
	asked := false
	return func(s view.Screen) (*view.Wish, bool) {
		switch v := s.Spaces; {
		case v == nil:
			return nil, false // the window of the sign-in itself
		case v.Problem != nil && v.Problem.SignIn == "simulated" && !asked:
			asked = true
			return &view.Wish{Do: view.SignInFirst}, false
		default:
			return nil, len(v.Rows) > 0
		}
	}
}

func TestTheListSignsIn(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.withProfiles(s)
	d.env = append(d.env, variableBrowser+"=allow")
	shown := d.person(t, "signs in first")
	if got := d.run(t, "", "spaces", "--window", "--profile", "simulated"); got.code != exitOK || len(d.cached(t)) != 1 {
		t.Fatalf("%v, kept %v", got, d.cached(t))
	}
	code := false
	for _, screen := range shown() {
		code = code || screen.Connection != nil && screen.Connection.Question != nil && screen.Connection.Question.SignIn != nil
	}
	if !code {
		t.Error("no window showed the code")
	}
}

func TestSpacesWithoutCredentials(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	shown := d.person(t, "waits for the problem")
	if got := d.run(t, "", "spaces", "--window", "--region", "us-east-1"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	screens := shown()
	if last := screens[len(screens)-1].Spaces; last == nil || last.Problem == nil || last.Problem.Code != "no-credentials" || last.Problem.Hint == "" {
		t.Errorf("the last screen is %+v", screens[len(screens)-1])
	}
}
