// Starts a real Chromium on a screen that is a file, with an extension and a
// home folder of its own, in which two schemes have a program. It knows no test.

import { execFile, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { createServer as createTLSServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { chromium } from "playwright-core";

const extension = fileURLToPath(new URL("../../build/browser/chrome", import.meta.url));

/** How many milliseconds a step in a browser may take; the machine may be busy. */
export const patience = 30_000;

/**
 * The system's side of a link: a home folder in which links of these schemes
 * start a program, and a server that hears from the program. `next` gives the
 * link that was opened after the one that it gave before, as {scheme, link};
 * `opened` holds those that it has not given yet.
 * The server's `page` is a web page of these HTML parts.
 */
export async function openDesk(schemes, html) {
  const folder = await mkdtemp(join(tmpdir(), "sh-browser-"));
  const home = join(folder, "home");
  const opened = [];
  const bell = new EventEmitter();
  const server = createServer(async (request, response) => {
    if (request.method === "GET") {
      response.setHeader("Content-Type", "text/html; charset=utf-8").end(`<!doctype html><title>A page</title>${html}`);
      return;
    }
    const link = (await request.setEncoding("utf8").toArray()).join("");
    opened.push({ scheme: request.url.slice(1), link });
    response.end();
    bell.emit("opened");
  }).listen(0, "localhost");
  await once(server, "listening");
  const page = `http://localhost:${server.address().port}`;

  const applications = join(home, ".local/share/applications");
  await mkdir(applications, { recursive: true });
  await mkdir(join(home, ".config"));
  const defaults = [];
  for (const scheme of schemes) {
    const program = join(folder, scheme);
    await writeFile(program, `#!/bin/sh\nprintf %s "$1" | exec curl --silent --data-binary @- ${page}/${scheme}\n`, { mode: 0o755 });
    await writeFile(join(applications, `${scheme}.desktop`), `[Desktop Entry]\nType=Application\nName=${scheme}\nExec=${program} %u\nMimeType=x-scheme-handler/${scheme};\n`);
    defaults.push(`x-scheme-handler/${scheme}=${scheme}.desktop`);
  }
  await writeFile(join(home, ".config/mimeapps.list"), `[Default Applications]\n${defaults.join("\n")}\n`);
  return {
    folder, home, page, schemes, opened,
    async next() {
      if (opened.length === 0) await once(bell, "opened", { signal: AbortSignal.timeout(patience) });
      return opened.shift();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Starts a screen and returns its name, for DISPLAY, with a `stop`. */
export async function startScreen() {
  const child = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1000x700x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  const ended = new Promise((resolve, reject) => { child.on("error", reject).on("exit", resolve); });
  const [number] = await Promise.race([once(child.stdio[3], "data"), ended.then(() => { throw new Error("Xvfb ended at once"); })]);
  return { name: `:${String(number).trim()}`, async stop() { child.kill(); await ended; } };
}

/**
 * Serves a page of the simulator's under an address of Studio's own, so that the
 * extension is tried as it is: the browser takes every name under sagemaker.aws
 * for this computer. `flag` tells it so.
 */
export async function serveStudio(desk, simulator) {
  const key = join(desk.folder, "key.pem");
  const certificate = join(desk.folder, "certificate.pem");
  await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
    "-subj", "/CN=sagemaker.aws", "-keyout", key, "-out", certificate]);
  const { host, hostname, port } = new URL(simulator.page);
  const server = createTLSServer({ key: await readFile(key), cert: await readFile(certificate) }, (incoming, outgoing) => {
    incoming.pipe(request({ hostname, port, path: incoming.url, method: incoming.method, headers: { ...incoming.headers, host } }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    }).on("error", () => outgoing.destroy()));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: "https://studio-d-simulated0001.studio.us-east-1.sagemaker.aws",
    flag: `--host-resolver-rules=MAP *.sagemaker.aws 127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * Starts Chromium with the extension; its profile is the same each time. It
 * opens the desk's schemes for its page and Studio's without a question.
 */
export async function startBrowser(desk, screen, studio) {
  const profile = join(desk.folder, "profile");
  await mkdir(join(profile, "Default"), { recursive: true });
  const pairs = Object.fromEntries(desk.schemes.map((scheme) => [scheme, true]));
  await writeFile(join(profile, "Default/Preferences"), JSON.stringify({
    protocol_handler: { allowed_origin_protocol_pairs: { [desk.page]: pairs, [studio.origin]: pairs } },
  }), { flag: "wx" }).catch((error) => { if (error.code !== "EEXIST") throw error; });
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium", headless: false, chromiumSandbox: false, timeout: patience,
    args: [studio.flag, `--load-extension=${extension}`, `--disable-extensions-except=${extension}`],
    ignoreHTTPSErrors: true, // the certificate is nobody's
    ignoreDefaultArgs: ["--disable-extensions"],
    env: {
      PATH: process.env.PATH, HOME: desk.home, DISPLAY: screen.name,
      XDG_CONFIG_HOME: join(desk.home, ".config"), XDG_DATA_HOME: join(desk.home, ".local/share"), XDG_DATA_DIRS: "/usr/share",
    },
  });
  context.setDefaultTimeout(patience);
  const worker = context.serviceWorkers()[0] ?? await context.waitForEvent("serviceworker");
  const menu = await context.newPage();
  await menu.goto(new URL("menu.html", worker.url()).href);
  return { context, menu };
}
