// `spacehatch spaces`, AWS's SDK for JavaScript and the AWS CLI look at one
// account, and see the same: every space with what AWS tells of it, and the same
// error where AWS refuses.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import {
  DescribeDomainCommand, ListSpacesCommand, SageMakerClient, paginateListApps, paginateListSpaces,
} from "@aws-sdk/client-sagemaker";

import { program, startSimulator } from "./simulator.js";

let simulator;
let client;
let home;

before(async () => {
  simulator = await startSimulator("--spaces", "230");
  for (const name of Object.keys(process.env).filter((name) => name.startsWith("AWS_"))) {
    delete process.env[name];
  }
  Object.assign(process.env, simulator.env, { AWS_MAX_ATTEMPTS: "1" });
  home = await mkdtemp(join(tmpdir(), "spacehatch-js-"));
  client = new SageMakerClient({ maxAttempts: 1 });
});

after(async () => {
  client?.destroy();
  await simulator?.stop();
  await rm(home, { recursive: true, force: true });
});

/** Runs a program in a home of its own. */
async function run(command, args) {
  const folders = Object.fromEntries(["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"].map((name) => [name, join(home, name)]));
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...folders, HOME: home, SPACEHATCH_LOG: "debug" },
  });
  const said = { out: "", errors: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => { said.out += text; });
  child.stderr.setEncoding("utf8").on("data", (text) => { said.errors += text; });
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, ...said };
}

const spacehatch = (...args) => run(program, args);

/** The AWS CLI is told the endpoint: Debian's reads no variable for that. */
const cli = (...args) => run("aws", ["sagemaker", ...args, "--output", "json", "--endpoint-url", simulator.sagemaker]);

/** All that the SDK's pages hold. */
async function walk(paginate, member) {
  const all = [];
  for await (const page of paginate({ client, pageSize: 100 }, {})) {
    all.push(...page[member]);
  }
  return all;
}

const byName = (a, b) => (`${a.domain}/${a.name}` < `${b.domain}/${b.name}` ? -1 : 1);

describe("the same account", () => {
  test("has the same spaces", async () => {
    const listed = await spacehatch("spaces", "--json");
    assert.equal(listed.code, 0, listed.errors);
    const ours = JSON.parse(listed.out);

    const apps = new Map((await walk(paginateListApps, "Apps"))
      .filter((app) => app.SpaceName && app.Status !== "Deleted")
      .map((app) => [`${app.DomainId}/${app.SpaceName}`, app]));
    const domains = new Map();
    const theirs = [];
    for (const space of await walk(paginateListSpaces, "Spaces")) {
      if (!domains.has(space.DomainId)) {
        domains.set(space.DomainId, await client.send(new DescribeDomainCommand({ DomainId: space.DomainId })));
      }
      const domain = domains.get(space.DomainId);
      if (domain.DomainSettings?.UnifiedStudioSettings) {
        continue;
      }
      const app = apps.get(`${space.DomainId}/${space.SpaceName}`);
      theirs.push({
        name: space.SpaceName,
        domain: space.DomainId,
        owner: space.OwnershipSettingsSummary.OwnerUserProfileName,
        app: space.SpaceSettingsSummary.AppType,
        status: app ? "running" : "stopped",
        instance_type: app?.ResourceSpec?.InstanceType ?? "",
        remote_access: space.SpaceSettingsSummary.RemoteAccess === "ENABLED",
        last_used: null,
        arn: domain.DomainArn.replace(/:domain\/.*/, `:space/${space.DomainId}/${space.SpaceName}`),
      });
    }
    assert.ok(theirs.length >= 235, `${theirs.length} spaces`);
    assert.deepEqual(ours.sort(byName), theirs.sort(byName));
  });

  test("which the AWS CLI lists, too", async () => {
    const listed = await spacehatch("spaces", "--json");
    assert.equal(listed.code, 0, listed.errors);
    const ours = JSON.parse(listed.out);
    const theirs = await cli("list-spaces");
    assert.equal(theirs.code, 0, theirs.errors);
    const all = JSON.parse(theirs.out).Spaces.map((space) => ({ domain: space.DomainId, name: space.SpaceName }));
    const seen = new Set(ours.map((space) => space.domain));
    const others = new Set(all.map((space) => space.domain).filter((domain) => !seen.has(domain)));
    assert.equal(others.size, 1, "only the domain of Unified Studio is left out");
    const expected = all.filter((space) => seen.has(space.domain));
    assert.deepEqual(ours.map(({ domain, name }) => ({ domain, name })).sort(byName), expected.sort(byName));
  });

  const token = () => readFile(simulator.control_token_file, "utf8");
  const control = async (method, body) => {
    const answer = await fetch(new URL("/control/faults", simulator.page), {
      method, body, headers: { Authorization: `Bearer ${await token()}` },
    });
    assert.equal(answer.status, 204);
  };

  for (const code of [
    "AccessDeniedException", "ExpiredTokenException", "ThrottlingException", "ValidationException", "InternalFailure", "ServiceUnavailable",
    "UnrecognizedClientException", "ResourceLimitExceeded", "ResourceNotFound", "ResourceInUse",
  ]) {
    test(`gives the same error: ${code}`, async () => {
      await control("POST", JSON.stringify({ operation: "sagemaker:ListSpaces", code, times: 2 }));
      const theirs = await client.send(new ListSpacesCommand({})).then(() => assert.fail("no error"), (error) => error);
      const ours = await spacehatch("spaces", "--json");
      await control("DELETE");
      assert.equal(ours.code, 1, ours.errors);
      assert.equal(ours.out, "");
      assert.equal(theirs.name, code);
      assert.ok(ours.errors.includes(`(${code}`), ours.errors);
      const message = theirs.message === "UnknownError" ? "" : theirs.message;
      assert.ok(ours.errors.includes(message), `${message} is not in ${ours.errors}`);
      assert.match(ours.errors.split("\n")[0], /^spacehatch: .*\.$/);
    });
  }

  test("gives the AWS CLI the same error, too", async () => {
    await control("POST", JSON.stringify({ operation: "sagemaker:ListSpaces", code: "AccessDeniedException", times: 2 }));
    const theirs = await cli("list-spaces");
    const ours = await spacehatch("spaces", "--json");
    await control("DELETE");
    assert.notEqual(theirs.code, 0, theirs.out);
    assert.equal(ours.code, 1, ours.errors);
    const [, message] = /\(AccessDeniedException\)[^:]*: (.*)/.exec(theirs.errors) ?? assert.fail(theirs.errors);
    assert.ok(ours.errors.includes(message.trim()), `${message} is not in ${ours.errors}`);
  });
});
