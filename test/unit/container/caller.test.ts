import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testIf } from "../../harness/skip.ts";

const testRoot = testIf(process.getuid?.() === 0, "needs root");

/** What is different for the inits of new and of joined user namespaces, for a tsrun that is called like this. */
function unprivileged(...through: readonly string[]): unknown {
  const source = JSON.stringify(join(import.meta.dir, "../../../src/container/caller/caller.ts"));
  const own = JSON.stringify(join(import.meta.dir, "../../../src/agent/own-caller.ts"));
  const code = `const { unprivilegedInit } = await import(${source});
    const { OwnCaller } = await import(${own});
    const ofInit = (creates) => unprivilegedInit(new OwnCaller(), creates);
    console.log(JSON.stringify([true, false].map(ofInit)));`;
  const [file = "", ...args] = [...through, process.execPath, "-e", code];
  const { stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  assert.is(stderr, "");
  return JSON.parse(stdout);
}

testRoot("nothing is different for root's inits", () => {
  assert.equal(unprivileged(), [null, null]);
});

testRoot(
  "the inits of a user namespace's root are not dumpable: it looks after them by its capabilities",
  () => {
    const init = { dumpable: false };
    assert.equal(unprivileged("unshare", "--user", "--map-root-user"), [init, init]);
  },
);

test.run();
