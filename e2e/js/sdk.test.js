// AWS's SDK for JavaScript, unchanged, walks every call that the simulator
// offers: what it accepts and understands, an IDE's AWS extension does too.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import {
  CreateAppCommand, DeleteAppCommand, DescribeAppCommand, DescribeDomainCommand, DescribeSpaceCommand,
  ListAppsCommand, ListDomainsCommand, ListSpacesCommand, ListUserProfilesCommand, SageMakerClient,
  StartSessionCommand, UpdateSpaceCommand, paginateListApps, paginateListDomains, paginateListSpaces,
  paginateListUserProfiles,
} from "@aws-sdk/client-sagemaker";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

import { startSimulator } from "./simulator.js";

let simulator;
let client;

// The environment is the simulator's whole promise: nothing else is configured.
before(async () => {
  // A space takes minutes to start on AWS; what counts here is the order of its states.
  simulator = await startSimulator("--start-delay", "300ms");
  for (const name of Object.keys(process.env).filter((name) => name.startsWith("AWS_"))) {
    delete process.env[name];
  }
  Object.assign(process.env, simulator.env);
  client = new SageMakerClient({ maxAttempts: 1 });
});

after(async () => {
  client?.destroy();
  await simulator?.stop();
});

/** The first space with that name, as ListSpaces tells of it. */
async function space(name) {
  for await (const page of paginateListSpaces({ client }, {})) {
    const found = page.Spaces.find((each) => each.SpaceName === name);
    if (found) {
      return found;
    }
  }
  throw new Error(`no space ${name}`);
}

async function describeSpace(name) {
  const { DomainId } = await space(name);
  return client.send(new DescribeSpaceCommand({ DomainId, SpaceName: name }));
}

/** Asks until the answer satisfies; a minute is far beyond any delay of the simulator's. */
async function until(ask, satisfied) {
  const end = Date.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (satisfied(answer)) {
      return answer;
    }
    assert.ok(Date.now() < end, `still ${JSON.stringify(answer)}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

const app = (described, name = "default") => ({
  DomainId: described.DomainId,
  SpaceName: described.SpaceName,
  AppType: described.SpaceSettings.AppType,
  AppName: name,
});

const fails = (promise, name, message) => assert.rejects(promise, (error) => {
  assert.equal(error.name, name, `${error.name}: ${error.message}`);
  assert.ok(error.$metadata.requestId, "an error without a request id");
  assert.match(error.message, message);
  return true;
});

/** Collects a paged list twice, whole and one by one, and holds the two against each other. */
async function samePaged(paginate, member, key, input = {}) {
  const whole = [];
  for await (const page of paginate({ client }, input)) {
    whole.push(...page[member]);
  }
  const single = [];
  for await (const page of paginate({ client, pageSize: 1 }, input)) {
    assert.ok(page[member].length <= 1, "a page longer than MaxResults");
    single.push(...page[member]);
  }
  assert.ok(whole.length > 0, `no ${member}`);
  assert.deepEqual(single.map(key), whole.map(key));
  return whole;
}

describe("who calls", () => {
  test("STS names the caller", async () => {
    const sts = new STSClient({ maxAttempts: 1 });
    const caller = await sts.send(new GetCallerIdentityCommand({}));
    sts.destroy();
    assert.match(caller.Account, /^\d{12}$/);
    assert.match(caller.Arn, new RegExp(`^arn:aws:(iam|sts)::${caller.Account}:`));
  });

  const credentials = () => ({
    accessKeyId: simulator.env.AWS_ACCESS_KEY_ID,
    secretAccessKey: simulator.env.AWS_SECRET_ACCESS_KEY,
    sessionToken: simulator.env.AWS_SESSION_TOKEN,
  });
  for (const [what, change, name] of [
    ["an unknown key", { accessKeyId: "AKIAXXXXXXXXXXXXXXXX" }, "UnrecognizedClientException"],
    ["a wrong secret", { secretAccessKey: "wrong" }, "InvalidSignatureException"],
    ["a wrong session token", { sessionToken: "wrong" }, "UnrecognizedClientException"],
  ]) {
    test(`${what} is refused`, async () => {
      const stranger = new SageMakerClient({ maxAttempts: 1, credentials: { ...credentials(), ...change } });
      await fails(stranger.send(new ListSpacesCommand({})), name, /./);
      stranger.destroy();
    });
  }

  test("a clock that is wrong by an hour is refused", async () => {
    const late = new SageMakerClient({ maxAttempts: 1, systemClockOffset: -3_600_000 });
    await fails(late.send(new ListSpacesCommand({})), "InvalidSignatureException", /Signature expired/);
    late.destroy();
  });

  test("a signature for another region is refused", async () => {
    const far = new SageMakerClient({ maxAttempts: 1, region: "ap-southeast-2" });
    await fails(far.send(new ListSpacesCommand({})), "InvalidSignatureException", /region/);
    far.destroy();
  });
});

describe("lists", () => {
  test("domains", async () => {
    const domains = await samePaged(paginateListDomains, "Domains", (each) => each.DomainId);
    for (const { DomainId, DomainArn } of domains) {
      const described = await client.send(new DescribeDomainCommand({ DomainId }));
      assert.equal(described.DomainArn, DomainArn);
      assert.equal(described.Status, "InService");
      assert.ok(described.CreationTime instanceof Date && !Number.isNaN(described.CreationTime.getTime()));
    }
  });

  test("user profiles", async () => {
    const profiles = await samePaged(paginateListUserProfiles, "UserProfiles", (each) => `${each.DomainId}/${each.UserProfileName}`);
    const { DomainId, UserProfileName } = profiles[0];
    const one = await client.send(new ListUserProfilesCommand({ DomainIdEquals: DomainId, UserProfileNameContains: UserProfileName }));
    assert.ok(one.UserProfiles.some((each) => each.UserProfileName === UserProfileName));
    assert.ok(one.UserProfiles.every((each) => each.DomainId === DomainId));
  });

  test("spaces", async () => {
    const spaces = await samePaged(paginateListSpaces, "Spaces", (each) => `${each.DomainId}/${each.SpaceName}`);
    assert.ok(spaces.length >= 3, `${spaces.length} spaces`);
    const owner = spaces.find((each) => each.OwnershipSettingsSummary?.OwnerUserProfileName);
    assert.ok(owner, "no space has an owner");
    const inDomain = await client.send(new ListSpacesCommand({ DomainIdEquals: owner.DomainId }));
    assert.ok(inDomain.Spaces.every((each) => each.DomainId === owner.DomainId));
  });

  test("spaces by name, capitals told apart", async () => {
    const right = await client.send(new ListSpacesCommand({ SpaceNameContains: "my-space" }));
    assert.deepEqual(right.Spaces.map((each) => each.SpaceName).filter((name) => name === "my-space"), ["my-space"]);
    const wrong = await client.send(new ListSpacesCommand({ SpaceNameContains: "MY-SPACE" }));
    assert.deepEqual(wrong.Spaces, []);
  });

  test("spaces in both orders", async () => {
    const names = async (SortOrder) => (await client.send(new ListSpacesCommand({ SortBy: "CreationTime", SortOrder })))
      .Spaces.map((each) => each.CreationTime.getTime());
    const up = await names("Ascending");
    const down = await names("Descending");
    assert.deepEqual(up, [...up].sort((a, b) => a - b));
    assert.deepEqual(down, [...up].reverse());
  });

  test("apps", async () => {
    const apps = await samePaged(paginateListApps, "Apps", (each) => `${each.DomainId}/${each.SpaceName}/${each.AppType}/${each.AppName}`);
    const running = apps.find((each) => each.SpaceName === "my-space" && each.Status === "InService");
    assert.ok(running, "my-space does not run");
    const described = await client.send(new DescribeAppCommand({
      DomainId: running.DomainId, SpaceName: running.SpaceName, AppType: running.AppType, AppName: running.AppName,
    }));
    assert.equal(described.Status, "InService");
    const some = await client.send(new ListAppsCommand({ DomainIdEquals: running.DomainId, SpaceNameEquals: "my-space" }));
    assert.ok(some.Apps.length > 0 && some.Apps.every((each) => each.SpaceName === "my-space"));
  });

  test("a token of another list is refused", async () => {
    const { NextToken } = await client.send(new ListSpacesCommand({ MaxResults: 1 }));
    assert.ok(NextToken);
    await fails(client.send(new ListDomainsCommand({ NextToken })), "ValidationException", /./);
    await fails(client.send(new ListSpacesCommand({ MaxResults: 1, NextToken: `${NextToken}x` })), "ValidationException", /./);
  });
});

describe("what is not there or not valid", () => {
  test("a space, a domain and an app that do not exist", async () => {
    const { DomainId } = await space("my-space");
    await fails(client.send(new DescribeSpaceCommand({ DomainId, SpaceName: "absent" })), "ResourceNotFound", /./);
    await fails(client.send(new DescribeDomainCommand({ DomainId: "d-absent" })), "ResourceNotFound", /./);
    await fails(client.send(new DescribeAppCommand({ DomainId, SpaceName: "my-space", AppType: "JupyterLab", AppName: "absent" })), "ResourceNotFound", /./);
  });

  test("a session for a space that does not exist", async () => {
    const { SpaceArn } = await describeSpace("my-space");
    await fails(client.send(new StartSessionCommand({ ResourceIdentifier: SpaceArn.replace("my-space", "absent") })), "ResourceNotFound", /./);
  });

  test("values out of bounds", async () => {
    const { DomainId } = await space("my-space");
    await fails(client.send(new ListSpacesCommand({ MaxResults: 0 })), "ValidationException", /./);
    await fails(client.send(new ListSpacesCommand({ MaxResults: 101 })), "ValidationException", /./);
    await fails(client.send(new DescribeSpaceCommand({ DomainId, SpaceName: "no spaces allowed" })), "ValidationException", /./);
    await fails(client.send(new StartSessionCommand({ ResourceIdentifier: "my-space" })), "ValidationException", /./);
    await fails(client.send(new CreateAppCommand({ DomainId, SpaceName: "my-space", AppType: "Excel", AppName: "default" })), "ValidationException", /./);
  });

  test("members that are missing", async () => {
    await fails(client.send(new DescribeSpaceCommand({ DomainId: "d-x" })), "ValidationException", /./);
    await fails(client.send(new StartSessionCommand({})), "ValidationException", /./);
  });
});

describe("a session", () => {
  test("is what AWS's plugin needs", async () => {
    const { SpaceArn } = await describeSpace("my-space");
    const session = await client.send(new StartSessionCommand({ ResourceIdentifier: SpaceArn }));
    assert.ok(session.SessionId.length > 0 && session.SessionId.length <= 256);
    assert.ok(session.TokenValue.length > 0 && session.TokenValue.length <= 1024);
    const stream = new URL(session.StreamUrl);
    assert.equal(stream.protocol, "wss:");
    assert.equal(stream.pathname, `/v1/data-channel/${session.SessionId}`);
    assert.equal(stream.searchParams.get("role"), "publish_subscribe");
    assert.ok(stream.searchParams.get("cell-number"));
  });

  test("never twice the same", async () => {
    const { SpaceArn } = await describeSpace("my-space");
    const [a, b] = await Promise.all([1, 2].map(() => client.send(new StartSessionCommand({ ResourceIdentifier: SpaceArn }))));
    assert.notEqual(a.SessionId, b.SessionId);
    assert.notEqual(a.TokenValue, b.TokenValue);
  });
});

/** Starts a session as soon as Session Manager knows the machine, a little after its app says InService. */
async function registered(start) {
  const session = await until(() => start().catch((error) => {
    assert.equal(error.name, "InternalFailure", error.message);
    return error;
  }), (answer) => answer.SessionId);
  assert.ok(session.StreamUrl);
}

// Last, for it changes the spaces: each step is one that connecting to a
// stopped space takes.
describe("a space's life", () => {
  test("stop, no session, set up, start, session", async () => {
    const described = await describeSpace("notebooks");
    const { DomainId, SpaceName, SpaceArn } = described;
    assert.equal(described.SpaceSettings.AppType, "CodeEditor");
    const describeApp = () => client.send(new DescribeAppCommand(app(described)));
    const start = () => client.send(new StartSessionCommand({ ResourceIdentifier: SpaceArn }));

    await until(describeApp, ({ Status }) => Status === "InService");
    await fails(client.send(new CreateAppCommand(app(described))), "ResourceInUse", /./);
    await client.send(new DeleteAppCommand(app(described)));
    assert.match((await describeApp()).Status, /^Delet(ing|ed)$/);
    await fails(start(), "ValidationException", /./);
    await until(describeApp, ({ Status }) => Status === "Deleted");
    await fails(client.send(new DeleteAppCommand(app(described))), "ValidationException", /already been deleted/);

    const off = { DomainId, SpaceName, SpaceSettings: { RemoteAccess: "DISABLED" } };
    const describeIt = () => client.send(new DescribeSpaceCommand({ DomainId, SpaceName }));
    await client.send(new UpdateSpaceCommand(off));
    await until(describeIt, ({ Status }) => Status === "InService");

    const created = await client.send(new CreateAppCommand({ ...app(described), ResourceSpec: { InstanceType: "ml.t3.large" } }));
    assert.match(created.AppArn, /^arn:aws:sagemaker:/);
    await until(describeApp, ({ Status }) => Status === "InService");
    await fails(start(), "ResourceNotFound", /Remote access/);

    await client.send(new DeleteAppCommand(app(described)));
    await until(describeApp, ({ Status }) => Status === "Deleted");
    await client.send(new UpdateSpaceCommand({ ...off, SpaceSettings: { RemoteAccess: "ENABLED" } }));
    await until(describeIt, ({ Status, SpaceSettings }) => Status === "InService" && SpaceSettings.RemoteAccess === "ENABLED");
    await client.send(new CreateAppCommand({ ...app(described), ResourceSpec: { InstanceType: "ml.t3.large" } }));
    await until(describeApp, ({ Status }) => Status === "InService");
    await registered(start);
  });

  test("a stopped space that is too small", async () => {
    const described = await describeSpace("stopped");
    const { DomainId, SpaceName, SpaceArn, SpaceSettings } = described;
    const start = () => client.send(new StartSessionCommand({ ResourceIdentifier: SpaceArn }));
    assert.notEqual(SpaceSettings.RemoteAccess, "ENABLED");
    await fails(start(), "ResourceNotFound", /Remote access/);

    const bigger = { InstanceType: "ml.t3.large" };
    await client.send(new UpdateSpaceCommand({
      DomainId, SpaceName,
      SpaceSettings: { RemoteAccess: "ENABLED", JupyterLabAppSettings: { DefaultResourceSpec: bigger } },
    }));
    const updated = await until(() => client.send(new DescribeSpaceCommand({ DomainId, SpaceName })), ({ Status }) => Status === "InService");
    assert.equal(updated.SpaceSettings.RemoteAccess, "ENABLED");
    assert.equal(updated.SpaceSettings.JupyterLabAppSettings.DefaultResourceSpec.InstanceType, "ml.t3.large");
    await client.send(new CreateAppCommand({ ...app(described), ResourceSpec: bigger }));
    await until(() => client.send(new DescribeAppCommand(app(described))), ({ Status }) => Status === "InService");
    await registered(start);
  });
});
