// Keeps three things as the switch and the permissions say: in which pages
// studio.js runs, what those that are open have of it, and the icon. It sees
// no link.
"use strict";

const api = globalThis.browser ?? chrome;

// script is what the browser runs in each of these pages before any of theirs.
const script = (matches) => ({
  id: "studio", js: ["studio.js"], matches, allFrames: true, runAt: "document_start", world: "MAIN",
});

async function arrange() {
  const { on = true } = await api.storage.local.get("on");
  const { origins = [] } = await api.permissions.getAll();
  const wanted = on ? origins : [];
  const [now] = await api.scripting.getRegisteredContentScripts();
  const before = now?.matches ?? [];
  if (before.length !== wanted.length || !wanted.every((each) => before.includes(each))) {
    if (now) await api.scripting.unregisterContentScripts();
    if (wanted.length) await api.scripting.registerContentScripts([script(wanted)]);
    await reach(origins, on);
  }
  await show(on);
}

// reach starts or ends the script in the pages that are open.
async function reach(origins, on) {
  const what = on ? { files: ["studio.js"] } : { func: () => dispatchEvent(new Event("spacehatch-end")) };
  for (const tab of origins.length ? await api.tabs.query({ url: origins }) : []) {
    // A tab that shows an error or sleeps takes none; it does when it is loaded.
    await api.scripting.executeScript({ target: { tabId: tab.id, allFrames: true }, world: "MAIN", ...what }).catch(() => {});
  }
}

async function show(on) {
  const name = on ? "on" : "off";
  await api.action.setIcon({ path: { 16: `icons/${name}-16.png`, 32: `icons/${name}-32.png` } });
  await api.action.setBadgeText({ text: on ? "" : "off" });
  await api.action.setBadgeBackgroundColor({ color: "#5b6664" });
  await api.action.setTitle({ title: on ? "Spacehatch opens Studio's links" : "Spacehatch is off" });
}

// One after the other, or two would register the same script.
let last = Promise.resolve();
const again = () => { last = last.then(arrange).catch((error) => console.error(error.message)); };
for (const event of [api.runtime.onInstalled, api.runtime.onStartup, api.storage.onChanged, api.permissions.onAdded, api.permissions.onRemoved]) {
  event.addListener(again);
}
again();
