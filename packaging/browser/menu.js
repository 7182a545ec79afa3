// The menu of the icon: the switch, and on which pages it counts. What it
// decides, background.js carries out.
"use strict";

const api = globalThis.browser ?? chrome;
const part = (id) => document.getElementById(id);
const { host_permissions: studios } = api.runtime.getManifest();
const name = (origin) => origin.replace(/^https?:\/\//, "").replace(/\/\*$/, "");

async function draw() {
  const { on = true } = await api.storage.local.get("on");
  const { origins = [] } = await api.permissions.getAll();
  part("on").checked = on;
  part("state").textContent = on ? "Links of other kinds stay as they are." : "Off. The pages are as if this were not here.";
  part("pages").replaceChildren(...[...new Set([...studios, ...origins])].map((origin) => {
    const line = document.createElement("li");
    line.append(name(origin));
    // A browser may hold back what the extension needs, until it is asked.
    if (!origins.includes(origin)) line.append(button("Allow", () => api.permissions.request({ origins: [origin] })));
    else if (!studios.includes(origin)) line.append(button("Remove", () => api.permissions.remove({ origins: [origin] })));
    return line;
  }));
}

function button(label, act) {
  const made = document.createElement("button");
  made.textContent = label;
  made.addEventListener("click", () => attempt(act));
  return made;
}

// A browser asks only where nothing has come between the click and the request.
function attempt(act) {
  part("said").textContent = "";
  act().then(draw).catch((error) => { part("said").textContent = error.message; });
}

part("on").addEventListener("change", () => attempt(() => api.storage.local.set({ on: part("on").checked })));
part("add").addEventListener("submit", (event) => {
  event.preventDefault();
  const host = part("host").value.trim().replace(/^https:\/\//, "").replace(/\/.*$/, "");
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(host)) {
    part("said").textContent = "That is not the name of a site. Type it as it stands in the address bar, such as studio.example.com.";
    return;
  }
  attempt(async () => {
    if (await api.permissions.request({ origins: [`https://${host}/*`] })) part("host").value = "";
  });
});
for (const event of [api.permissions.onAdded, api.permissions.onRemoved, api.storage.onChanged]) event.addListener(draw);
draw();
