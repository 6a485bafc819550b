/** `--output FILE`, in place of the standard output and error that a container would keep, and `tsrun logs`. */
// Runs beside other files.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces, type Patch } from "../../harness/bundle.ts";
import { type Container, container, orGone, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import {
  type Call,
  complaint,
  invocation,
  runtime,
  silent,
  startRuntime,
  succeeded,
} from "../../harness/runtime.ts";
import { programAtTerminal } from "../../harness/terminal.ts";
import { waitUntil } from "../../harness/wait.ts";

const text = (file: string) => readFileSync(file, "utf8");
const shell = (script: string): readonly string[] => ["sh", "-c", script];
const freshFile = () => join(freshDirectory("output"), "log");

/** A container in the background whose output goes to `file`. */
function printing(script: string, file: string, patch: Patch = {}, call: Call = {}): Container {
  return orGone(container({ ...patch, args: shell(script) }), ({ id, bundle: { path } }) => {
    silent(runtime(["run", "--detach", "--output", file, "--bundle", path, id], call));
  });
}

const logs = (box: Container, ...flags: string[]) => silent(runtime(["logs", ...flags, box.id])).stdout;

testTsrun("standard output and error go to the file, in their order, and logs shows it", async () => {
  const file = freshFile();
  using box = printing("echo out; echo err >&2; echo out again", file);
  await box.until("stopped");
  assert.is(text(file), "out\nerr\nout again\n");
  assert.is(logs(box), "out\nerr\nout again\n");
  assert.is(statSync(file).mode & 0o777, 0o600);
});

testTsrun("nothing of the container's holds what the runtime prints to", async () => {
  using box = printing("exec sleep 60", freshFile());
  const links = succeeded(
    runtime(["exec", box.id, "sh", "-c", "readlink /proc/1/fd/1; readlink /proc/1/fd/2; ls /proc/1/fd"]),
  );
  const [output = "", errors, ...descriptors] = links.stdout.trim().split("\n");
  assert.is(output, errors);
  assert.match(output, /\/log$/);
  assert.equal(descriptors, ["0", "1", "2"]);
});

testTsrun("a caller that waits for the end of its pipe does not wait for the container", () => {
  const { path } = bundle({ args: ["sleep", "60"] });
  const id = uniqueId();
  const { file, argv, options } = invocation(
    ["run", "--detach", "--output", freshFile(), "-b", path, id],
    {},
  );
  const { status, error } = spawnSync(file, argv, {
    ...options,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 15_000,
  });
  try {
    assert.is(error, undefined);
    assert.is(status, 0);
  } finally {
    succeeded(runtime(["delete", "--force", id]));
  }
});

testTsrun("what is in the file already stays, with its mode", async () => {
  const file = freshFile();
  writeFileSync(file, "before\n");
  chmodSync(file, 0o644);
  using box = printing("echo after", file);
  await box.until("stopped");
  assert.is(text(file), "before\nafter\n");
  assert.is(statSync(file).mode & 0o777, 0o644);
});

testTsrun(
  "a user of the container may open its standard output by name, and the path is the caller's",
  async () => {
    const cwd = freshDirectory("cwd");
    const process = { user: { uid: 1000, gid: 1000 } };
    using box = printing("echo named >>/dev/stdout; echo too >>/dev/stderr", "log", { process }, { cwd });
    await box.until("stopped");
    assert.is(logs(box), "named\ntoo\n");
    assert.is(text(join(cwd, "log")), "named\ntoo\n");
  },
);

testTsrun("in a user namespace too", async () => {
  const range = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: range, gidMappings: range };
  using box = printing("echo mapped", freshFile(), { linux });
  await box.until("stopped");
  assert.is(logs(box), "mapped\n");
});

testTsrun("create takes it as run does, and /dev/null too", async () => {
  const file = freshFile();
  using box = container({ args: shell("echo created") });
  silent(runtime(["create", "--output", file, "--bundle", box.bundle.path, box.id]));
  assert.is(logs(box), "");
  box.start();
  await box.until("stopped");
  assert.is(logs(box), "created\n");
  using quiet = printing("echo lost; sleep 60", "/dev/null");
  assert.match(complaint(runtime(["logs", quiet.id])), /: \/dev\/null is not a regular file$/);
  assert.match(succeeded(quiet.exec("readlink", "/proc/1/fd/1")).stdout, "/dev/null");
});

testTsrun("a run in the foreground takes it too, and gives the exit status", () => {
  const file = freshFile();
  const { path } = bundle({ args: shell("echo waited; exit 7") });
  const outcome = runtime(["run", "--output", file, "--bundle", path, uniqueId()]);
  assert.equal([outcome.status, outcome.stdout, outcome.stderr], [7, "", ""]);
  assert.is(text(file), "waited\n");
});

testTsrun("an exec's output goes to a file of its own", async () => {
  const file = freshFile();
  using box = started({ args: ["sleep", "60"] });
  silent(runtime(["exec", "--detach", "--output", file, box.id, ...shell("echo in; echo side >&2")]));
  await waitUntil(() => text(file) === "in\nside\n", "the file is full");
  assert.match(complaint(runtime(["logs", box.id])), /no output of container .*--output FILE/);
});

testTsrun("the runtime's own errors are still told to its caller, and no file is left of a failure", () => {
  for (const args of [["/nowhere"], ["sh"]]) {
    const file = freshFile();
    const { path } = bundle(args[0] === "sh" ? { args, root: { path: "gone" } } : { args });
    const said = complaint(runtime(["run", "--detach", "--output", file, "--bundle", path, uniqueId()]));
    assert.match(said, /^tsrun: error: config\.json: /);
    assert.not(existsSync(file));
  }
});

testTsrun("a failure leaves a file that was there as it was", () => {
  const file = freshFile();
  writeFileSync(file, "");
  const { path } = bundle({ args: ["/nowhere"] });
  complaint(runtime(["run", "--detach", "--output", file, "--bundle", path, uniqueId()]));
  assert.is(text(file), "");
});

testTsrun("a file that cannot be written is refused before anything is made", () => {
  const { path } = bundle({
    args: ["true"],
    hooks: { createRuntime: [{ path: "/bin/touch", args: ["touch", "made"] }] },
  });
  const directory = freshDirectory("output");
  for (const [file, errno] of [
    [join(directory, "none/log"), "ENOENT"],
    [directory, "EISDIR"],
  ] as const) {
    const said = complaint(runtime(["run", "--detach", "--output", file, "--bundle", path, uniqueId()]));
    assert.match(said, `tsrun: error: --output ${file}: cannot be written: ${errno}`);
  }
});

testTsrun("a process with a terminal has no other output", () => {
  const { path } = bundle({ process: { terminal: true } });
  const said = complaint(runtime(["run", "--detach", "--output", freshFile(), "--bundle", path, uniqueId()]));
  assert.match(said, /--output .*: a process with a terminal prints there: set process\.terminal to false/);
});

testTsrun("logs --follow prints what comes, until the container has ended", async () => {
  const file = freshFile();
  const directory = freshDirectory("gate");
  const gate = join(directory, "gate");
  const mounts = [{ destination: "/gate", type: "bind", source: directory, options: ["rbind"] }];
  const script = "echo one; until [ -e /gate/gate ]; do sleep 0.05; done; echo two; echo three >&2";
  using box = printing(script, file, { mounts });
  await using following = startRuntime(["logs", "-f", box.id]);
  await waitUntil(() => following.printed().stdout === "one\n", "the first line is printed");
  writeFileSync(gate, "");
  const { status, stdout, stderr } = await following.ended();
  assert.equal([status, stdout, stderr], [0, "one\ntwo\nthree\n", ""]);
});

testTsrun(
  "logs --follow goes on with a file that was cut off, and ends with the container's deletion",
  async () => {
    const file = freshFile();
    using box = printing("echo long line; exec sleep 60", file);
    await using following = startRuntime(["logs", "--follow", box.id]);
    await waitUntil(() => following.printed().stdout === "long line\n", "the first line is printed");
    truncateSync(file);
    silent(runtime(["exec", "--output", file, box.id, "echo", "new"]));
    await waitUntil(() => following.printed().stdout === "long line\nnew\n", "the new line is printed");
    box.delete("--force");
    assert.is((await following.ended()).status, 0);
  },
);

testTsrun("logs prints bytes as they are, and many of them", async () => {
  const file = freshFile();
  using box = printing("printf '\\377\\000\\n'; head -c 300000 /dev/zero", file);
  await box.until("stopped");
  const { file: program, argv, options } = invocation(["logs", box.id], {});
  const { stdout } = spawnSync(program, argv, { ...options, maxBuffer: 1 << 20 });
  assert.ok(stdout.equals(readFileSync(file)));
  assert.is(stdout.length, 300_003);
});

testTsrun("logs says in one line where there is none, and why", async () => {
  using box = started({ args: ["sleep", "60"] });
  assert.is(
    complaint(runtime(["logs", box.id])),
    `tsrun: error: no output of container ${box.id}: it was started without --output FILE, and prints where its \`tsrun run\` or \`create\` did`,
  );
  assert.match(complaint(runtime(["logs", uniqueId()])), /does not exist/);
  const directory = join(freshDirectory("output"), "moved");
  mkdirSync(directory);
  using moved = printing("true", join(directory, "log"));
  await moved.until("stopped");
  spawnSync("rm", ["-r", directory]);
  assert.match(
    complaint(runtime(["logs", moved.id])),
    /no output of container .*: cannot read .*\/log: ENOENT/,
  );
});

testTsrun("a run in the background at a terminal leaves it alone, without a redirection", async () => {
  const file = freshFile();
  const { path } = bundle({ args: shell("echo unseen; exec sleep 60") });
  const id = uniqueId();
  const { file: program, argv, options } = invocation(["run", "-d", "--output", file, "-b", path, id], {});
  await using terminal = programAtTerminal([program, ...argv], options);
  assert.is(await terminal.ended(), 0);
  try {
    await waitUntil(() => text(file) === "unseen\n", "the line is in the file");
    assert.is(terminal.printed(), "");
  } finally {
    succeeded(runtime(["delete", "--force", id]));
  }
});

leavesNothing();
test.run();
