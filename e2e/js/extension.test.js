// The browser extension in a real Chromium: a person clicks in the simulator's
// Studio, which has an address of Studio's own here, and the system's programs
// tell which link they were started with.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { createContext, runInContext } from "node:vm";

import { openDesk, serveStudio, startBrowser, startScreen } from "./browser.js";
import { startSimulator } from "./simulator.js";

const extensionLink = "vscode://some.extension/did-authenticate?code=a%20b";
const spaceLink = "vscode://amazonwebservices.aws-toolkit-vscode/connect/sagemaker?token=a+b%2F";

let simulator, desk, screen, served, browser;

before(async () => {
  simulator = await startSimulator();
  desk = await openDesk(["vscode", "spacehatch"], `<a href="${spaceLink}">A space</a>`);
  served = await serveStudio(desk, simulator);
  screen = await startScreen();
  browser = await startBrowser(desk, screen, served);
});

after(async () => {
  await browser?.context.close();
  await screen?.stop();
  served?.close();
  await desk?.close();
  await simulator?.stop();
});

/** Opens Studio, which opens links in one of its ways. */
async function studio(way) {
  const page = await browser.context.newPage();
  await page.goto(`${served.origin}/?way=${way}`);
  return page;
}

/** Clicks on a button of Studio's and returns the link that the page got. */
async function click(page) {
  const answer = page.waitForResponse((response) => response.url().includes("/api/link"));
  await page.getByRole("button", { name: "Open my-space in VS Code" }).click();
  return (await answer).text();
}

/** The link as the system gets it from a browser, which escapes a few letters. */
const written = (link) => new URL(link).href;
const ours = (link) => ({ scheme: "spacehatch", link: written(link).replace("vscode:", "spacehatch:") });
const theirs = (link) => ({ scheme: "vscode", link: written(link) });

/** Waits until the icon says that the extension is on, or off. */
const said = (title) => browser.menu.evaluate(async (title) => {
  while (await chrome.action.getTitle({}) !== title) await new Promise((resolve) => setTimeout(resolve, 20));
}, title);
const on = () => said("Spacehatch opens Studio's links");
const off = () => said("Spacehatch is off");

for (const way of ["anchor", "window", "location"]) {
  test(`a link that Studio opens by ${way} comes to us, byte for byte`, async () => {
    await on();
    const page = await studio(way);
    const link = await click(page);
    assert.match(link, /^vscode:\/\/amazonwebservices\.aws-toolkit-vscode\/connect\/sagemaker\?/);
    assert.deepEqual(await desk.next(), ours(link));
    await page.close();
  });
}

/** Opens a link in one more way, as a script of Studio's own would after a click. */
async function follow(page, way, link) {
  await page.evaluate(([way, link]) => {
    const anchor = document.createElement("a");
    anchor.href = link;
    const ways = {
      "location": () => { location = link; },
      "location.assign": () => location.assign(link),
      "location.replace": () => location.replace(link),
      "window.open in this window": () => window.open(link, "_self"),
      "an address that is no text": () => window.open(new URL(link)),
      "an anchor outside of the page": () => anchor.click(),
      "an anchor for a new window": () => {
        anchor.target = "_blank";
        anchor.click();
      },
      "an anchor in a shadow": () => {
        document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" }).append(anchor);
        anchor.click();
      },
    };
    document.querySelector("header").onclick = ways[way];
  }, [way, link]);
  await page.locator("header").click();
}

test("so does one that Studio opens in any other way", async (t) => {
  const page = await studio("location");
  for (const way of [
    "location", "location.assign", "location.replace", "window.open in this window", "an address that is no text",
    "an anchor outside of the page", "an anchor for a new window", "an anchor in a shadow",
  ]) {
    await t.test(way, async () => {
      await follow(page, way, spaceLink);
      assert.deepEqual(await desk.next(), ours(spaceLink));
    });
  }
  await page.close();
});

test("a link of another extension stays as it is", async () => {
  const page = await studio("location");
  for (const way of ["location", "window.open in this window", "an anchor outside of the page"]) {
    await follow(page, way, extensionLink);
    assert.deepEqual(await desk.next(), theirs(extensionLink), way);
  }
  await page.close();
});

test("a link that a person sees is Studio's own again after the click", async () => {
  const page = await studio("location");
  await page.evaluate((link) => {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = "Open it here";
    document.body.append(anchor);
  }, spaceLink);
  const anchor = page.getByText("Open it here");
  await anchor.click();
  assert.deepEqual(await desk.next(), ours(spaceLink));
  assert.equal(await anchor.getAttribute("href"), spaceLink);
  await page.close();
});

/** What a page sees of the functions that the extension stands in for. */
const functions = (page) => page.evaluate(() => [String(window.open), String(HTMLElement.prototype.click)]);
const untouched = ["function open() { [native code] }", "function click() { [native code] }"];

test("a page that is not Studio's stays as it is", async () => {
  const page = await browser.context.newPage();
  await page.goto(desk.page);
  assert.deepEqual(await functions(page), untouched);
  await page.getByText("A space").click();
  assert.deepEqual(await desk.next(), theirs(spaceLink));
  await page.close();
});

test("the switch in the menu counts at once, and after the next start", async () => {
  const page = await studio("window");
  assert.notDeepEqual(await functions(page), untouched);
  await browser.menu.getByRole("switch").uncheck();
  await off();
  assert.equal(await browser.menu.evaluate(() => chrome.action.getBadgeText({})), "off");
  assert.deepEqual(await functions(page), untouched);
  const closed = await click(page);
  assert.deepEqual(await desk.next(), theirs(closed));
  const other = await studio("location");
  assert.deepEqual(await functions(other), untouched);

  await browser.context.close();
  browser = await startBrowser(desk, screen, served);
  await off();
  const later = await studio("anchor");
  assert.deepEqual(await functions(later), untouched);
  const link = await click(later);
  assert.deepEqual(await desk.next(), theirs(link));

  await browser.menu.getByRole("switch").check();
  await on();
  const again = await click(later);
  assert.deepEqual(await desk.next(), ours(again));
});

// The script alone: which links it takes, without a program for each.
test("only the exact beginning of a link counts", async () => {
  const opened = [];
  const nothing = () => {};
  const page = createContext({
    Event, AbortController, URL, Proxy, Reflect, setTimeout,
    addEventListener: nothing, dispatchEvent: nothing, HTMLElement: class { click() {} }, HTMLAnchorElement: class {},
    open: (link) => opened.push(link),
  });
  runInContext(`var window = this; ${await readFile(new URL("../../packaging/browser/studio.js", import.meta.url), "utf8")}`, page);
  const at = "://amazonwebservices.aws-toolkit-vscode/connect/";
  const odd = `sagemaker?a=%2B+b&c="d" e&vscode${at}#\u00e9\\..//`;
  for (const scheme of ["vscode", "cursor", "kiro"]) {
    page.open(scheme + at + odd);
    assert.equal(opened.pop(), `spacehatch${at}${odd}`);
  }
  for (const link of [
    "", "vscode:", "about:blank", "/connect/", `spacehatch${at}${odd}`, `vscode-insiders${at}${odd}`, `xvscode${at}${odd}`, ` vscode${at}${odd}`,
    `VSCODE${at}${odd}`, `https://studio.example/?to=vscode${at}`, "vscode://amazonwebservices.aws-toolkit-vscode/connect", "vscode:amazonwebservices.aws-toolkit-vscode/connect/",
    "vscode://amazonwebservices.aws-toolkit-vscode.example/connect/sagemaker", "vscode://amazonwebservices-aws-toolkit-vscode/connect/sagemaker",
    "vscode://amazonwebservices.aws-toolkit-vscode/connection/sagemaker", "vscode://amazonwebservices.aws-toolkit-vscode/../connect/sagemaker",
    "vscode://user@amazonwebservices.aws-toolkit-vscode/connect/sagemaker", "vscode://amazonwebservices.aws-toolkit-vscode:1/connect/sagemaker",
  ]) {
    page.open(link);
    assert.equal(opened.pop(), link);
  }
  page.open();
  assert.equal(opened.pop(), undefined);
});

// Nothing may come after what the tests have waited for.
test("no other link was opened", async () => {
  const page = await studio("location");
  await follow(page, "location", extensionLink);
  assert.deepEqual(await desk.next(), theirs(extensionLink));
  assert.deepEqual(desk.opened, []);
});
