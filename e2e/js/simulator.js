// Starts the real program's simulator and hands out its environment. It knows
// no call of AWS's and no test.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const program = process.env.SPACEHATCH_PROGRAM ?? fileURLToPath(new URL("../../build/spacehatch", import.meta.url));

/**
 * Starts `spacehatch simulator --json` and returns its line of JSON (page,
 * sagemaker, gateway, ca_file, env) with a `stop` that ends it and waits.
 */
export async function startSimulator(...flags) {
  const child = spawn(program, ["simulator", "--json", ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => { said += text; });
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve(`${program} cannot be started: ${error.message}; run make build`));
    child.on("exit", (code, signal) => resolve(`the simulator ended with ${signal ?? code}\n${said}`));
  });
  const first = new Promise((resolve) => {
    createInterface({ input: child.stdout }).once("line", resolve);
  });
  const line = await Promise.race([first, ended.then((why) => { throw new Error(why); })]);
  return {
    ...JSON.parse(line),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** A stand-in's fetch: one fresh link from the Studio page. */
export async function link(simulator, query) {
  const answer = await fetch(new URL(`/api/link?${new URLSearchParams(query)}`, simulator.page));
  if (!answer.ok) {
    throw new Error(`/api/link: ${answer.status} ${await answer.text()}`);
  }
  return (await answer.text()).trim();
}
