import { test } from "uvu";
import * as assert from "uvu/assert";
import { BUNDLES } from "../../../rootfs/bundles.ts";
import { bundleConfig } from "../../../rootfs/config.ts";
import type { Config } from "../../../runtime-spec/config.ts";
import { validateConfig } from "../../../runtime-spec/validate.ts";
import { joinSandbox } from "../../../src/container/default-config.ts";

const MEMBER = bundleConfig({
  args: ["true"],
  hostname: "member",
  user: { uid: 0, gid: 0 },
  readonlyRoot: true,
});

for (const { name, config } of BUNDLES) {
  test(`the config of the ${name} bundle is valid, without warnings`, () => {
    const { problems, warnings } = validateConfig(JSON.parse(JSON.stringify(config)));
    assert.equal({ problems, warnings }, { problems: [], warnings: [] });
  });

  test(`the ${name} bundle has all its namespaces to itself`, () => {
    assert.equal(namespaces(config), {
      pid: "new",
      network: "new",
      ipc: "new",
      uts: "new",
      mount: "new",
      cgroup: "new",
    });
  });
}

test("the sandbox can do nothing: no root, no capability, no writing", () => {
  const { process, root } = BUNDLES.find(({ name }) => name === "sandbox")?.config ?? {};
  assert.is(process?.user?.uid, 65535);
  assert.equal(Object.values(process?.capabilities ?? {}).flat(), []);
  assert.is(root?.readonly, true);
});

test("a pod's container joins the sandbox's network, IPC and UTS namespaces", () => {
  assert.equal(namespaces(joinSandbox(MEMBER, 42)), {
    pid: "new",
    network: "/proc/42/ns/net",
    ipc: "/proc/42/ns/ipc",
    uts: "/proc/42/ns/uts",
    mount: "new",
    cgroup: "new",
  });
});

test("a pod's container joins the sandbox's PID namespace when asked to", () => {
  const { pid, network } = namespaces(joinSandbox(MEMBER, 42, { sharePid: true }));
  assert.equal({ pid, network }, { pid: "/proc/42/ns/pid", network: "/proc/42/ns/net" });
});

test("a pod's container leaves the hostname to the sandbox", () => {
  assert.not.ok("hostname" in joinSandbox(MEMBER, 42));
});

test("a pod's container is valid", () => {
  const { problems } = validateConfig(JSON.parse(JSON.stringify(joinSandbox(MEMBER, 42))));
  assert.equal(problems, []);
});

/** By type: the path of a namespace to join, or "new". */
function namespaces({ linux }: Config): Readonly<Record<string, string>> {
  return Object.fromEntries((linux?.namespaces ?? []).map(({ type, path = "new" }) => [type, path]));
}

test.run();
