// Package handler turns a link from Studio into a connected IDE: it reads the
// link, checks it against the policy, and walks the steps from the tunnel to
// the editor.
//
// A link is hostile until [Parse] and [Policy.Check] have both accepted it;
// nothing may be dialled, written or shown as true before that.
//
// It must not know how a window, a tray or a terminal looks, how the data
// channel's frames are made, where an operating system keeps its URI handlers,
// or which AWS SDK fetches a session: it reaches those through small interfaces
// that it declares itself.
package handler
