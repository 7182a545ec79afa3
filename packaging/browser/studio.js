// Runs in the pages of Studio, as one of their own scripts. Where a page is
// about to open a link by which an IDE would connect to a space, the same link
// is opened under our scheme. Every other link stays as it is; none is kept,
// and nobody is told of one.
(() => {
  "use strict";

  const theirs = /^(?:vscode|cursor|kiro):(?=\/\/amazonwebservices\.aws-toolkit-vscode\/connect\/)/;
  const ours = (link) => link.replace(theirs, "spacehatch:");

  // The event ends this script, when it is switched off or comes anew. A page
  // may send it too: that gives it nothing that it could not do anyway.
  const end = "spacehatch-end";
  dispatchEvent(new Event(end));
  const ended = new AbortController();
  const { signal } = ended;
  addEventListener(end, () => ended.abort(), { signal });

  // stand puts a function in the place of one of the page's. To the page a
  // proxy looks like the function itself.
  const stand = (owner, name, apply) => {
    const before = owner[name];
    const mine = owner[name] = new Proxy(before, {
      apply: (target, self, args) => (signal.aborted ? Reflect.apply(target, self, args) : apply(target, self, args)),
    });
    signal.addEventListener("abort", () => {
      if (owner[name] === mine) owner[name] = before;
    });
  };

  // 1. window.open
  stand(window, "open", (target, self, [url, ...rest]) =>
    Reflect.apply(target, self, [url === undefined ? url : ours(String(url)), ...rest]));

  // 2. Links that are clicked. For the length of the click the link is ours, so
  // that the page's own listeners, the target and the keys that are held count
  // as ever.
  const swap = (anchor) => {
    const before = anchor.getAttribute("href") ?? "";
    const after = ours(before);
    if (after === before) return;
    anchor.setAttribute("href", after);
    setTimeout(() => {
      if (anchor.getAttribute("href") === after) anchor.setAttribute("href", before);
    });
  };
  const clicked = (event) => event.composedPath().filter((each) => each instanceof HTMLAnchorElement).forEach(swap);
  for (const name of ["click", "auxclick"]) addEventListener(name, clicked, { capture: true, signal });
  // A link that is not part of the page, and is clicked by a script.
  stand(HTMLElement.prototype, "click", (target, self, args) => {
    if (self instanceof HTMLAnchorElement) swap(self);
    return Reflect.apply(target, self, args);
  });

  // 3. location, which nothing can stand in for. Chrome and Edge tell where a
  // page is about to go. Firefox tells it of web pages only, so there such a
  // link stays the IDE's.
  window.navigation?.addEventListener("navigate", (event) => {
    const link = ours(event.destination.url);
    if (link === event.destination.url || !event.cancelable) return;
    event.preventDefault();
    location.href = link;
  }, { signal });
})();
