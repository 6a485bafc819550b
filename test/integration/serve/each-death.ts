/** What is left of a served command when somebody dies right before one of its system calls. */
import { openSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { type Container, containerOf } from "../../harness/container.ts";
import { uniqueId, workDirectory } from "../../harness/environment.ts";
import { watchLeaks } from "../../harness/leaks.ts";
import { type Call, runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { COLD } from "../../harness/served.ts";
import { slowness } from "../../harness/slowness.ts";
import { waitUntil } from "../../harness/wait.ts";
import { agents, Follower, following } from "./killed.ts";
import { isWell, type Serving, serving } from "./serving.ts";

const SIGKILL = 9;

/** A command, what there must be before it, and whether it runs a process that goes on. */
interface Command {
  readonly name: string;
  readonly before: readonly (readonly string[])[];
  /** Its words, with the bundle and before the id. */
  readonly words: (bundle: string) => readonly string[];
  readonly after?: readonly string[];
}

const { path } = bundle({ args: ["sleep", "60"] });

/** Another agent opens what is mounted, on the host. */
const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const linux = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };
const withUsers = bundle({ args: ["sleep", "60"], linux });

const CREATE = (bundlePath: string) => ["create", "--bundle", bundlePath];

export const COMMANDS: readonly Command[] = [
  { name: "create", before: [], words: CREATE },
  { name: "create with a user namespace", before: [], words: () => CREATE(withUsers.path) },
  { name: "start", before: [["create"]], words: () => ["start"] },
  { name: "exec", before: [["create"], ["start"]], words: () => ["exec"], after: ["true"] },
  {
    name: "exec --detach",
    before: [["create"], ["start"]],
    words: () => ["exec", "--detach"],
    after: ["true"],
  },
  { name: "delete --force", before: [["create"], ["start"]], words: () => ["delete", "--force"] },
];

const ALONE = { env: COLD };

/** A container for the command. */
function prepared({ before }: Command, call: Call): Container {
  const box = containerOf({ path, rootfs: "", config: {} }, uniqueId());
  for (const words of before) {
    const all = words[0] === "create" ? CREATE(path) : words;
    silent(runtime([...all, box.id], call));
  }
  return box;
}

const wordsOf = ({ words, after = [] }: Command, id: string) => [...words(path), id, ...after];

/** No agent is left within seconds, `delete --force` removes what is, and a next command does all that it should. */
async function recovers(
  box: Container,
  server: Serving | null,
  when: string,
  nothingNew: (when: string) => Promise<void>,
): Promise<void> {
  const how = server?.call ?? ALONE;
  const parked = () => (runtime(["state", box.id], how).stdout.includes('"created"') ? 1 : 0);
  await waitUntil(() => agents().length === 0 || agents().length === parked(), `no agent is left ${when}`);
  succeeded(runtime(["delete", "--force", box.id], how));
  await nothingNew(when);
}

/** The client is killed before each of its calls; returns how many those were. */
export async function eachClientDeath(command: Command): Promise<number> {
  await using server = await serving();
  for (let at = 1; ; at++) {
    const nothingNew = watchLeaks();
    const box = prepared(command, server.call);
    const output = openSync(join(workDirectory, "client.out"), "w");
    const call = following(SIGKILL, at, wordsOf(command, box.id), server.call, output);
    const { signalled, calls } = await call.ended();
    const when = `after the death of \`${command.name}\` before its call ${at}`;
    await waitUntil(() => server.status().running === 0, `the server is done ${when}`);
    assert.ok(isWell(server), `${when}: ${server.printed()}`);
    await recovers(box, server, when, nothingNew);
    if (!signalled) return calls;
  }
}

/** The server is killed before each of its calls while it serves; returns how many those were. */
export async function eachServerDeath(command: Command, every: number): Promise<number> {
  for (let at = 1; ; at += every) {
    const nothingNew = watchLeaks();
    const box = prepared(command, ALONE);
    const ended = await serverDeath(command, box, at);
    await recovers(
      box,
      null,
      `after the server's death before its call ${at} for \`${command.name}\``,
      nothingNew,
    );
    if (ended !== null) return ended;
  }
}

/** The number of calls, when they were all made before `at`. */
async function serverDeath(command: Command, box: Container, at: number): Promise<number | null> {
  await using server = await serving();
  const follower = new Follower(SIGKILL, at, [`-${server.pid}`], process.env, "ignore");
  await follower.follows();
  const began = performance.now();
  await using call = startRuntime(wordsOf(command, box.id), server.call);
  const { status, signal, stderr } = await call.ended();
  const when = `when the server dies before its call ${at} for \`${command.name}\`: ${stderr}`;
  assert.is(signal, null, `the command has ended by itself ${when}`);
  assert.ok(performance.now() - began < 10_000 * slowness, `within seconds ${when}`);
  const lines = stderr.split("\n").filter(Boolean).length;
  assert.is(lines, status === 0 ? 0 : 1, `a line when it failed, none when it did not ${when}`);
  if (server.child.exitCode !== null || server.child.signalCode !== null) return null;
  server.child.kill("SIGTERM");
  return (await follower.ended()).calls || null;
}
