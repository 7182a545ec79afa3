// The reader of SSH configs that IDEs' remote extensions use must find our
// ProxyCommand. It follows no Include, so the extensions do; so does this.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { test } from "node:test";

import SSHConfig from "ssh-config";

const { SPACEHATCH_SSH_CONFIG: file, SPACEHATCH_PROGRAM: program, SPACEHATCH_ALIAS: alias } = process.env;
for (const [name, value] of Object.entries({ SPACEHATCH_SSH_CONFIG: file, SPACEHATCH_PROGRAM: program, SPACEHATCH_ALIAS: alias })) {
  assert.ok(value, `${name} is not set: go test ./e2e sets it, with a config that the real program wrote`);
}

/** Parses a config with every Include in its place. */
function read(path) {
  const config = SSHConfig.parse(readFileSync(path, "utf8"));
  const expanded = config.flatMap((line) => {
    if (line.param?.toLowerCase() !== "include") {
      return [line];
    }
    return [line.value].flat().flatMap((value) => {
      const at = (value.val ?? value).replace(/^~(?=\/)/, homedir());
      return [...read(isAbsolute(at) ? at : join(dirname(file), at))];
    });
  });
  return new SSHConfig(...expanded);
}

const config = read(file);

test("the alias leads to our ProxyCommand", () => {
  const found = config.compute(alias);
  const command = [found.ProxyCommand].flat().join(" ");
  assert.ok(command.replaceAll('"', "").startsWith(`${program} proxy `), command);
  assert.equal(found.User, "sagemaker-user");
  assert.notEqual(String(found.ForwardAgent).toLowerCase(), "yes");
});

test("the alias is listed as a host of its own", () => {
  const hosts = config.filter((line) => line.param?.toLowerCase() === "host")
    .flatMap((line) => [line.value].flat().map((value) => value.val ?? value));
  assert.ok(hosts.includes(alias), hosts.join(" "));
});

test("another host does not", () => {
  assert.equal(config.compute("elsewhere.example").ProxyCommand, undefined);
});
