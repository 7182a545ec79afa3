package desktop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
)

// bench is the work of a panel of the tests.
type bench struct {
	begin func(p *Panel)
	do    func(p *Panel, wish view.Wish)
	panel *Panel
	first view.Diagnostics
}

func (b *bench) Begin(p *Panel) view.Screen {
	b.panel = p
	if b.begin != nil {
		b.begin(p)
	}
	return view.Screen{Diagnostics: &b.first}
}

func (b *bench) Do(wish view.Wish) {
	if b.do != nil {
		b.do(b.panel, wish)
	}
}

// sit runs a panel whose window is played by w.
func (b *bench) sit(ctx context.Context, w *window, o PanelOptions) error {
	return runPanel(ctx, o, b, func(first view.Screen) (*Process, error) { return w.start(ctx, first) })
}

func TestAPanelDoesWhatIsAskedInOrder(t *testing.T) {
	w := newWindow(t, "asks, then closes")
	var asked []string
	b := &bench{first: view.Diagnostics{Looking: true}, do: func(p *Panel, wish view.Wish) {
		asked = append(asked, wish.Do+" "+wish.Key)
		if len(asked) == 2 {
			p.Go(func(context.Context) {
				p.Then(func() { p.Show(view.Screen{Diagnostics: &view.Diagnostics{Text: "seen"}}) })
			})
		}
	}}
	if err := b.sit(t.Context(), w, PanelOptions{Folder: t.TempDir(), Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"look a", "look b"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if all := w.screens(); all[len(all)-1].Diagnostics == nil || all[len(all)-1].Diagnostics.Text != "seen" {
		t.Errorf("the last screen is %+v", all[len(all)-1])
	}
}

func TestWorkEndsWithItsWindow(t *testing.T) {
	var handed bool
	b := &bench{do: func(p *Panel, _ view.Wish) {
		p.Go(func(ctx context.Context) {
			<-ctx.Done()
			p.Then(func() {
				handed = true
				p.Show(view.Screen{Diagnostics: &view.Diagnostics{}})
				p.Go(func(context.Context) { t.Error("work was begun for nobody") })
			})
		})
	}}
	if err := b.sit(t.Context(), newWindow(t, "asks and closes"), PanelOptions{Folder: t.TempDir(), Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if !handed {
		t.Error("what was found was not handed over")
	}
}

func TestAPanelEndsWithItsContext(t *testing.T) {
	w := newWindow(t, "looks on")
	ctx, cancel := context.WithCancel(t.Context())
	b := &bench{begin: func(p *Panel) { p.Go(func(context.Context) { p.Then(cancel) }) }}
	if err := b.sit(ctx, w, PanelOptions{Folder: t.TempDir(), Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if all := w.screens(); !all[len(all)-1].Close {
		t.Errorf("the last screen is %+v", all[len(all)-1])
	}
}

func TestAPanelWithoutAWindow(t *testing.T) {
	folder, ended := t.TempDir(), false
	b := &bench{begin: func(p *Panel) {
		p.Go(func(ctx context.Context) {
			<-ctx.Done()
			p.Then(func() { ended = true })
		})
	}}
	if err := b.sit(t.Context(), newWindow(t, "dies at once"), PanelOptions{Folder: folder, Name: "a"}); !errors.Is(err, ErrNoWindow) {
		t.Errorf("RunPanel = %v", err)
	}
	if !ended {
		t.Error("the work was left behind")
	}
	if left, err := filepath.Glob(filepath.Join(folder, "*.sock*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestASecondWindowBringsTheFirstToTheFront also opens one about another thing,
// which is another window.
func TestASecondWindowBringsTheFirstToTheFront(t *testing.T) {
	folder := t.TempDir()
	first := newWindow(t, "is closed when it comes to the front")
	o := PanelOptions{Folder: folder, Name: "details", About: strings.Repeat("a-long-name.", 20)}
	var running sync.WaitGroup
	begun, result := make(chan struct{}), make(chan error, 1)
	running.Go(func() {
		b := &bench{begin: func(p *Panel) { p.Go(func(context.Context) { p.Then(func() { close(begun) }) }) }}
		result <- b.sit(t.Context(), first, o)
	})
	defer running.Wait()
	<-begun
	other := o
	other.About = "another"
	if err := (&bench{}).sit(t.Context(), newWindow(t, "dies at once"), other); !errors.Is(err, ErrNoWindow) {
		t.Errorf("a window about another thing: %v", err)
	}
	second := newWindow(t, "looks on")
	if err := (&bench{}).sit(t.Context(), second, o); !errors.Is(err, ErrOpen) || second.starts > 0 {
		t.Errorf("a second window: %v, %d starts", err, second.starts)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	if all := first.screens(); all[len(all)-1].Front != 1 || all[len(all)-1].Diagnostics == nil {
		t.Errorf("the last screen is %+v", all[len(all)-1])
	}
}

func TestAWindowWhoseProcessDiedIsNotInTheWay(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "window-a.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{first: view.Diagnostics{Looking: true}}
	if err := b.sit(t.Context(), newWindow(t, "asks and closes"), PanelOptions{Folder: folder, Name: "a"}); err != nil {
		t.Error(err)
	}
}
