/** What a container may do in a mount namespace that is not its own. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../../runtime-spec/config.ts";
import type { Namespace } from "../../../runtime-spec/config-linux.ts";
import { mountsInShared } from "../../../src/container/init/shared-mounts.ts";

const BARE: Config = { ociVersion: "1.3.0", root: { path: "rootfs" } };
const JOINED: Namespace = { type: "mount", path: "/proc/1/ns/mnt" };

const withNamespaces = ({ linux, ...config }: Config, ...namespaces: Namespace[]): Config => ({
  ...config,
  linux: { ...linux, namespaces },
});

const MADE: Readonly<Record<string, Partial<Config>>> = {
  mounts: { mounts: [{ destination: "/proc", type: "proc" }] },
  "root.readonly": { root: { path: "rootfs", readonly: true } },
  "linux.devices": { linux: { devices: [{ path: "/dev/x", type: "p" }] } },
  "linux.sysctl": { linux: { sysctl: { "net.ipv4.ip_forward": "1" } } },
};

const CHANGED: Readonly<Record<string, Partial<Config>>> = {
  "linux.maskedPaths": { linux: { maskedPaths: ["/proc/keys"] } },
  "linux.readonlyPaths": { linux: { readonlyPaths: ["/proc/sys"] } },
  "linux.rootfsPropagation": { linux: { rootfsPropagation: "rshared" } },
};

const refused = (path: string, config: Config) =>
  assert.throws(
    () => mountsInShared(config),
    (error: Error) => error.message.startsWith(`config.json: ${path}: needs a mount namespace`),
  );

test("nothing to mount needs nothing", () => {
  assert.is(mountsInShared(withNamespaces(BARE, { type: "pid" })), false);
  assert.is(mountsInShared(withNamespaces(BARE, JOINED)), false);
});

for (const [path, patch] of Object.entries(MADE))
  test(`${path} is made among the caller's mounts, and refused among those of another container`, () => {
    const config = { ...BARE, ...patch };
    assert.is(mountsInShared(withNamespaces(config, { type: "pid" })), true);
    refused(path, withNamespaces(config, JOINED));
    refused(path, withNamespaces(config, { type: "user" }));
  });

for (const [path, patch] of Object.entries(CHANGED))
  test(`${path} needs a mount namespace`, () => {
    const config = { ...BARE, ...patch };
    refused(path, withNamespaces(config, { type: "pid" }));
    refused(path, withNamespaces(config, JOINED));
  });

test("hooks inside are refused among the mounts of another container alone", () => {
  const config = { ...BARE, hooks: { createContainer: [{ path: "/bin/true" }] } };
  assert.is(mountsInShared(withNamespaces(config)), false);
  refused("hooks.createContainer", withNamespaces(config, JOINED));
});

test.run();
