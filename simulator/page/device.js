// The access portal's page: shows which program wants to sign in, and takes the
// person's answer.
"use strict";

const element = (id) => document.getElementById(id);
const said = element("said");

function tell(text, bad) {
  said.textContent = text;
  said.className = bad ? "bad" : "";
}

const ends = {
  allowed: "Allowed. You can close this tab.",
  done: "Allowed. You can close this tab.",
  denied: "Denied. You can close this tab.",
  expired: "The code has expired. Begin again in the program.",
};

async function look(code) {
  element("question").hidden = true;
  const answer = await fetch(`/api/device?${new URLSearchParams({ user_code: code })}`, { cache: "no-store" });
  if (!answer.ok) return tell(await answer.text(), true);
  const { client, state } = await answer.json();
  if (state !== "waiting") return tell(ends[state], state !== "allowed" && state !== "done");
  tell(`${client} wants to sign in to AWS as alice.`);
  element("shown").textContent = code;
  element("question").hidden = false;
  for (const kind of ["allow", "deny"]) {
    element(kind).onclick = () => send(code, kind);
  }
}

async function send(code, answer) {
  await fetch("/api/device", { method: "POST", body: new URLSearchParams({ user_code: code, answer }) });
  await look(code);
}

const asked = new URLSearchParams(location.search).get("user_code");
element("code").addEventListener("submit", (e) => {
  e.preventDefault();
  look(element("user_code").value.trim().toUpperCase());
});
if (asked) {
  element("code").hidden = true;
  look(asked);
} else {
  tell("Type the code that the program shows.");
}
