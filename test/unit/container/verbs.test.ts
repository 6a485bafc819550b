import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { StateDirectory } from "../../../src/container/state/state-directory.ts";
import type { ContainerStatus } from "../../../src/container/state/status.ts";
import { refusal, statusesFor, VERBS, type Verb } from "../../../src/container/state/verbs.ts";

const STATUSES = ["creating", "created", "running", "paused", "stopped"] as const;
const verbs = Object.keys(VERBS) as Verb[]; // keys of a const table

const actsIn = (verb: Verb) =>
  STATUSES.filter((status) => VERBS[verb].statuses.some((one) => one === status));

test("docs/errors.md has the table of verbs by status", () => {
  const cell = (verb: Verb, status: ContainerStatus) =>
    actsIn(verb).some((one) => one === status) ? " yes |" : " |";
  const rows = verbs.map((verb) => `| \`${verb}\` |${STATUSES.map((status) => cell(verb, status)).join("")}`);
  const text = readFileSync(join(import.meta.dir, "../../../docs/errors.md"), "utf8");
  const found = /\|---\|\n((?:\| `.*\n)+)/.exec(text.slice(text.indexOf("`src/container/state/verbs.ts`")));
  assert.is(found?.[1], `${rows.join("\n")}\n`);
});

/** The refusals of containers named web, whose words others look for. */
const REFUSALS: readonly (readonly [Verb, ContainerStatus, string])[] = [
  [
    "start",
    "creating",
    "container web: cannot start a container in the creating state; only a created one can be started",
  ],
  [
    "start",
    "running",
    "container web: cannot start an already running container; only a created one can be started",
  ],
  [
    "start",
    "paused",
    "container web: cannot start a container in the paused state; only a created one can be started",
  ],
  [
    "start",
    "stopped",
    "container web: cannot start a container that has stopped; only a created one can be started",
  ],
  ["kill", "stopped", "cannot signal container web: container not running (it is stopped)"],
  [
    "delete",
    "running",
    "cannot delete container web that is not stopped: running; stop it first, or use --force",
  ],
  ["exec", "creating", "container web: cannot exec in a creating container: container not running"],
  [
    "exec",
    "paused",
    "container web: cannot exec in a paused container (use --ignore-paused to override), or resume it",
  ],
  [
    "exec --ignore-paused",
    "stopped",
    "container web: cannot exec in a stopped container: container not running",
  ],
  ["pause", "paused", "cannot pause container web: container not running (it is paused already)"],
  ["pause", "stopped", "cannot pause container web: container not running (it is stopped)"],
  ["resume", "running", "cannot resume container web: container not paused"],
  ["resume", "stopped", "cannot resume container web: container not running (it is stopped)"],
  ["update", "creating", "cannot update container web: container not running (it is creating)"],
  ["events", "stopped", "no events of container web: container not running"],
  [
    "checkpoint",
    "created",
    "cannot checkpoint container web: it is created, and only a running or paused one can be",
  ],
  [
    "unpack --sandbox",
    "stopped",
    "unpack: sandbox web is stopped, not running: it holds no namespaces to join",
  ],
  ["spec --sandbox", "stopped", "spec: sandbox web is stopped, not running: it holds no namespaces to join"],
];

for (const [verb, status, said] of REFUSALS)
  test(`${verb} of a ${status} container says why not`, () => {
    assert.not(actsIn(verb).includes(status));
    const directory = { id: "web" } as StateDirectory; // no more of it is told
    assert.is(refusal(verb, directory, status).message, said);
  });

test("a flag can change in which statuses a command acts", () => {
  assert.equal(statusesFor("exec", []), ["created", "running"]);
  assert.equal(statusesFor("exec", ["tty", "ignore-paused"]), ["created", "running", "paused"]);
  assert.is(statusesFor("delete", ["force"]), null);
  assert.is(statusesFor("state", []), null);
  assert.is(statusesFor("constructor", []), null);
});

test.run();
