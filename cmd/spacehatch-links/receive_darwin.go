package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/ebitengine/purego"
	"github.com/ebitengine/purego/objc"
)

// Codes of Apple events: "Handling URLs" in Apple's Cocoa scripting guide, and
// AE/AEDataModel.h for keyDirectObject.
const (
	getURL       = 0x4755524c // 'GURL', both class and id
	directObject = 0x2d2d2d2d // '----'
	maxLink      = 64 << 10   // bytes; what is longer no link of ours is
)

// receive gives every link that macOS brings to put, and calls ready once, when
// the application runs; links may come before. It must be called in the main
// goroutine, once in a process, and returns only where it cannot begin.
//
// It has not run on a Mac yet: see docs/platforms.md.
func receive(put func(link string), ready func()) error {
	runtime.LockOSThread() // AppKit wants the first thread
	defer runtime.UnlockOSThread()
	if _, err := purego.Dlopen("/System/Library/Frameworks/AppKit.framework/AppKit", purego.RTLD_NOW|purego.RTLD_GLOBAL); err != nil {
		return fmt.Errorf("load AppKit: %w", err)
	}
	handle := objc.RegisterName("handleEvent:withReplyEvent:")
	launched := objc.RegisterName("applicationDidFinishLaunching:")
	class, err := objc.RegisterClass("SpacehatchLinks", objc.GetClass("NSObject"), nil, nil, []objc.MethodDef{
		{Cmd: handle, Fn: func(_ objc.ID, _ objc.SEL, event, _ objc.ID) {
			if link := linkOf(event); link != "" {
				put(link)
			}
		}},
		{Cmd: launched, Fn: func(objc.ID, objc.SEL, objc.ID) { ready() }},
	})
	if err != nil {
		return fmt.Errorf("make a receiver of links: %w", err)
	}
	receiver := objc.ID(class).Send(objc.RegisterName("new"))
	app := objc.ID(objc.GetClass("NSApplication")).Send(objc.RegisterName("sharedApplication"))
	if receiver == 0 || app == 0 {
		return errors.New("this session shows no applications")
	}
	// Before the application runs: the link that started us comes first of all.
	manager := objc.ID(objc.GetClass("NSAppleEventManager")).Send(objc.RegisterName("sharedAppleEventManager"))
	manager.Send(objc.RegisterName("setEventHandler:andSelector:forEventClass:andEventID:"),
		receiver, handle, uint32(getURL), uint32(getURL))
	app.Send(objc.RegisterName("setDelegate:"), receiver)
	app.Send(objc.RegisterName("run"))
	return errors.New("the application ended by itself")
}

// linkOf is the text of an event's direct object.
func linkOf(event objc.ID) string {
	object := event.Send(objc.RegisterName("paramDescriptorForKeyword:"), uint32(directObject))
	if object == 0 {
		return ""
	}
	text := object.Send(objc.RegisterName("stringValue"))
	if text == 0 || objc.Send[uint64](text, objc.RegisterName("length")) > maxLink {
		return ""
	}
	return objc.Send[string](text, objc.RegisterName("UTF8String"))
}
