/** Checkpoints and restores of one process for several callers, by a criu(8) that only tells how it was started. */
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Environment } from "../../../src/agent/caller.ts";
import { OwnCaller } from "../../../src/agent/own-caller.ts";
import { readBundle } from "../../../src/container/bundle.ts";
import { checkpoint } from "../../../src/container/checkpoint.ts";
import { remove } from "../../../src/container/delete.ts";
import { type RestoreOptions, restore } from "../../../src/container/restore.ts";
import { Store } from "../../../src/container/state/store.ts";
import { bundle, namespaces, type Patch } from "../../harness/bundle.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { freshDirectory, stateRoot, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { script } from "../hooks/scripts.ts";
import { callerProcess } from "./callers.ts";
import { reaped, rejects } from "./lives.ts";

const program = compiled("test/integration/library/fake-criu.c");
const keyring = compiled("test/integration/process/keyring.c");
const ignore = () => {};

/** Types of criu's requests. */
const DUMP = 1;
const RESTORE = 2;

/** A PATH with criu in it. */
function pathWithCriu(): string {
  const bin = freshDirectory("bin");
  copyFileSync(program, join(bin, "criu"));
  return `/nowhere:${bin}`;
}

/** A checkpoint of a container whose output and errors went to pipes. */
function imageDirectory(): string {
  const images = freshDirectory("images");
  writeFileSync(join(images, "descriptors.json"), '["/dev/null","pipe:[1]","pipe:[2]"]');
  return images;
}

const plain = (id: string, more: Partial<RestoreOptions> = {}): RestoreOptions => ({
  ...{ id, images: imageDirectory(), work: undefined, pidFile: undefined, prepare: undefined },
  ...{ systemdCgroup: false, console: null, criu: {}, warn: ignore, onStage: undefined, ...more },
});

/** Restores a container, saves it, and deletes it. Returns the pid that its init had, and whose child that was. */
async function lifeIn(store: Store, path: string, id: string, more: Partial<RestoreOptions> = {}) {
  const options = plain(id, more);
  const { directory, saved } = await restore(store, readBundle(path, store.caller), options);
  directory[Symbol.dispose]();
  const { pid } = saved.init;
  const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  await checkpoint(store, id, { ...options, criu: {}, leaveRunning: true, preDump: false }, ignore);
  await remove(store, id, true, ignore);
  await reaped(store, pid);
  return { pid, parent };
}

/** What criu tells, by the first word of its lines. */
function toldIn(file: string, type: number): (word: string) => readonly string[] {
  const lines = readFileSync(`${file}-${type}`, "utf8").trimEnd().split("\n");
  return (word) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
}

/** Where this process complains. */
const ownErrors = readlinkSync("/proc/self/fd/2");

/** What of this process its children inherit: no_new_privs and the session keyring. */
const ownInheritance = () => [
  /NoNewPrivs:.*/.exec(readFileSync("/proc/self/status", "utf8"))?.[0],
  spawnSync(keyring, ["describe"], { encoding: "utf8" }).stdout,
];

testCompiled(
  "two callers at once get criu in their own surroundings, and this process keeps its own",
  async () => {
    const id = uniqueId();
    const files = freshDirectory("files");
    const own = ownInheritance();
    const lives = ["first", "second"].map(async (who) => {
      const told = join(files, who);
      const { path } = bundle({ process: { noNewPrivileges: who === "second" } });
      const env = { PATH: pathWithCriu(), WHO: who, TOLD: told };
      await using caller = await callerProcess('exec "$@"', `${told}-output`, { cwd: path, env });
      const { parent } = await lifeIn(caller.store, ".", `${id}-${who}`);
      assert.is(parent, caller.process.pid);
      for (const tell of [toldIn(told, RESTORE), toldIn(told, DUMP)]) {
        assert.equal([...tell("who"), ...tell("cwd")], [who, path]);
        assert.equal(tell("parent"), [`${caller.process.pid}, signal at its death 0`]);
      }
      return { who, tell: toldIn(told, RESTORE), dump: toldIn(told, DUMP) };
    });
    for (const { who, tell, dump } of await Promise.all(lives)) {
      assert.equal(tell("no_new_privs"), [who === "second" ? "1" : "0"]);
      assert.equal(dump("no_new_privs"), ["0"]);
      assert.match(tell("keyring").join(), new RegExp(`;_ses\\.${id}-${who}\\.[0-9a-f-]{36}$`));
      assert.match(tell("cgroup").join(), new RegExp(`${id}-${who}$`));
      assert.not.match(dump("cgroup").join(), new RegExp(`${id}-${who}$`));
      const output = join(files, `${who}-output`);
      const opened = (told: typeof tell) => told("fd").map((line) => line.replace(/\[\d+\]/, ""));
      const usual = ["0 /dev/null", `1 ${output}`, "2 pipe:", "3 socket:"];
      assert.equal(opened(tell).slice(0, 4), usual);
      assert.equal(tell("fd").slice(4), [`4 ${output}`, `5 ${ownErrors}`]);
      assert.equal(opened(dump), usual);
    }
    assert.equal(ownInheritance(), own);
  },
);

/** A caller with an environment of its own. */
class Other extends OwnCaller {
  override readonly env: Environment;

  constructor(env: Environment) {
    super();
    this.env = env;
  }
}

const AT_ONCE = 4;
const TIMES = 5;

testCompiled("no descriptor and no child is left, however a restore ends", async () => {
  const TOLD = join(freshDirectory("files"), "told");
  const usual = { PATH: pathWithCriu(), TOLD, WHO: "own" };
  const path = (patch: Patch = {}) => bundle(patch).path;
  const joining = path({ linux: { namespaces: namespaces({ network: "/proc/1/ns/net" }) } });
  const store = (env: Environment) => new Store(stateRoot, new Other(env));
  const good = path();
  const hooked = path({ hooks: { createRuntime: [script("exit 3")] } });
  const refused = path({ linux: { namespaces: namespaces({ time: "/proc/1/ns/time" }) } });
  const ways: readonly ((id: string) => Promise<unknown>)[] = [
    (id) => lifeIn(store(usual), good, id),
    (id) => lifeIn(store(usual), joining, id),
    (id) => rejects(lifeIn(store({ ...usual, PATH: "/nowhere" }), good, id), /no criu in PATH/),
    (id) => rejects(lifeIn(store({ ...usual, CRIU_BREAKS: "1" }), joining, id), /criu: out of order/),
    (id) => rejects(lifeIn(store(usual), hooked, id), /exit status 3/),
    (id) => rejects(lifeIn(store(usual), good, id, { pidFile: "/nowhere/pid" }), /--pid-file/),
    (id) => rejects(lifeIn(store(usual), refused, id), /joins a time namespace/),
    (id) => rejects(lifeIn(store(usual), good, id, { images: "/nowhere" }), /holds no checkpoint/),
  ];
  const id = uniqueId();
  const round = (time: number) =>
    Promise.all(
      Array.from({ length: AT_ONCE }, async (_, worker) => {
        for (const [index, way] of ways.entries()) await way(`${id}-${time}-${worker}-${index}`);
      }),
    );
  const held = () => ({
    descriptors: readdirSync("/proc/self/fd").length,
    children: readFileSync(`/proc/self/task/${process.pid}/children`, "utf8"),
  });
  await round(0); // what is opened once stays open
  await lifeIn(store(usual), joining, id);
  assert.equal(toldIn(TOLD, RESTORE)("fd").slice(5), [
    `5 ${ownErrors}`,
    `6 ${readlinkSync("/proc/1/ns/net")}`,
  ]);
  const before = held();
  for (let time = 1; time <= TIMES; time++) await round(time);
  assert.equal(held(), before);
  assert.is(before.children, "");
});

leavesNothing();
test.run();
