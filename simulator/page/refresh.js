// Studio's reconnect page: gets a new session and takes it to whoever waits for
// it on this computer.
"use strict";

const said = document.getElementById("said");

(async () => {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (!answer.ok) throw new Error(await answer.text());
    const { callback } = await answer.json();
    // Whoever waits owes a web page no permission to read its answer.
    await fetch(callback, { mode: "no-cors", cache: "no-store", referrerPolicy: "no-referrer" }).catch((e) => {
      // A browser may keep pages from this computer, but not a person who goes there.
      location.replace(callback);
      throw e;
    });
    said.textContent = "Done. You can close this tab.";
  } catch (e) {
    said.textContent = `There is no new session: ${e.message}`;
    said.className = "bad";
  }
})();
