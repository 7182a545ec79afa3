// The Studio page: one card for each space, a fresh link for each click.
"use strict";

const said = document.getElementById("said");
const scheme = document.getElementById("scheme");

// A page opened with ?scheme=spacehatch starts with that choice.
const wanted = new URLSearchParams(location.search).get("scheme");
if ([...scheme.options].some((o) => o.value === wanted)) scheme.value = wanted;

// How a page can open a link; one opened with ?way=anchor does it so.
const ways = {
  location(link) { location.href = link; },
  window(link) { window.open(link); },
  anchor(link) {
    const anchor = element("a", "");
    anchor.href = link;
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
  },
};
const way = ways[new URLSearchParams(location.search).get("way")] ?? ways.location;

function say(text, bad) {
  said.textContent = text;
  said.classList.toggle("bad", bad);
}

function element(name, text, className) {
  const e = document.createElement(name);
  e.textContent = text;
  if (className) e.className = className;
  return e;
}

async function get(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

// openSpace asks for a session only now, since a link lives about a minute.
async function openSpace(space, button) {
  button.disabled = true;
  say(`Starting a session in ${space.name} …`, false);
  try {
    const query = new URLSearchParams({ space: space.name, kind: space.kind, domain: space.domain, scheme: scheme.value });
    way(await get(`/api/link?${query}`));
    say(`The link to ${space.name} was handed to this computer.`, false);
  } catch (e) {
    say(e.message, true);
  } finally {
    button.disabled = false;
  }
}

function card(space) {
  const li = document.createElement("li");
  const button = element("button", "");
  const label = () => {
    button.textContent = `Open in ${scheme.selectedOptions[0].textContent}`;
    button.setAttribute("aria-label", `Open ${space.name} in ${scheme.selectedOptions[0].textContent}`);
  };
  label();
  scheme.addEventListener("change", label);
  button.addEventListener("click", () => openSpace(space, button));
  li.append(
    element("h2", space.name),
    element("p", space.where),
    element("p", space.what),
    element("p", space.state, space.running ? "running" : ""),
    button,
  );
  return li;
}

get("/api/spaces").then(
  (text) => document.getElementById("spaces").replaceChildren(...JSON.parse(text).map(card)),
  (e) => say(e.message, true),
);
