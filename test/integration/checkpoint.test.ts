// Runs beside other files. What criu does is tested in test/vm/checkpoint*.test.ts, on a kernel that it knows.
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS } from "../harness/bundle.ts";
import { compiled, testCompiled } from "../harness/compile.ts";
import { type Container, container, created, started } from "../harness/container.ts";
import { freshDirectory, testTsrun } from "../harness/environment.ts";
import { testIdmap } from "../harness/idmap.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import {
  type Call,
  complaint,
  invocation,
  type Outcome,
  refusal,
  runtime,
  silent,
} from "../harness/runtime.ts";
import { programAtTerminal } from "../harness/terminal.ts";

const SLEEP = ["sleep", "60"];
const fakeCriu = compiled("test/integration/library/fake-criu.c");

function checkpoint(box: Container, flags: readonly string[] = [], call: Call = {}): Outcome {
  return runtime(["checkpoint", "--image-path", freshDirectory("images"), ...flags, box.id], call);
}

function restore(box: Container, images: string, call: Call = {}): Outcome {
  return runtime(["restore", "-d", "--image-path", images, "--bundle", box.bundle.path, box.id], call);
}

/** A caller in whose PATH criu is this script, or isn't at all. */
function callerWithCriu(script: string | null): Call {
  const bin = freshDirectory("bin");
  if (script !== null) {
    writeFileSync(join(bin, "criu"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, "criu"), 0o755);
  }
  return { env: { PATH: bin } };
}

for (const [what, script, said] of [
  ["that isn't there", null, /there is no criu in PATH; install it \(Debian: criu\)/],
  [
    "that this kernel is too new for",
    "echo 'Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds' >&2; exit 1",
    /criu: vdso: Unexpected rt vDSO area bounds; `criu check` may tell more/,
  ],
  ["that just ends", "exit 0", /criu: it ended without a word/],
  ["that is killed", "kill -9 $$", /criu: it ended without a word/],
  ["that says what no one understands", "printf '\\001' >&3; exec /bin/sleep 0.3", /not a message/],
] as const) {
  testTsrun(`checkpoint by a criu ${what} is refused in one line, and the container goes on`, () => {
    using box = started({ args: SLEEP });
    const outcome = checkpoint(box, [], callerWithCriu(script));
    assert.match(complaint(outcome), said);
    assert.is(box.state().status, "running");
  });

  testTsrun(`restore by a criu ${what} is refused, and nothing is left`, async () => {
    const nothingLeft = watchLeaks();
    using box = container({ args: SLEEP });
    const images = freshDirectory("images");
    writeFileSync(join(images, "descriptors.json"), '["/dev/null","/dev/null","/dev/null"]');
    const outcome = restore(box, images, callerWithCriu(script));
    assert.is(outcome.status, 1);
    assert.match(refusal(outcome), said);
    await nothingLeft("of a failed restore");
    assert.ok(existsSync(join(box.bundle.rootfs, "bin/busybox")), "the rootfs is whole");
  });
}

testTsrun("only a container that runs can be saved", async () => {
  using waiting = created({ args: SLEEP });
  assert.match(complaint(checkpoint(waiting)), /cannot checkpoint container .*: it is created/);
  using ended = started({ args: ["true"] });
  await ended.until("stopped");
  assert.match(complaint(checkpoint(ended)), /cannot checkpoint container .*: it is stopped/);
});

testTsrun("checkpoint of a container that isn't there says that it does not exist", () => {
  using box = container();
  assert.match(complaint(checkpoint(box)), /does not exist/);
});

for (const [flags, said] of [
  [["--parent-path", "/absolute"], /--parent-path \/absolute: must be relative to --image-path/],
  [["--parent-path", "../nowhere"], /--parent-path \.\.\/nowhere: .* does not exist/],
  [["--page-server", "localhost"], /--page-server takes ADDRESS:PORT, not "localhost"/],
  [["--page-server", "127.0.0.1:70000"], /--page-server takes ADDRESS:PORT/],
  [["--empty-ns", "ipc"], /--empty-ns ipc: .*say network/],
  [["--manage-cgroups-mode", "hard"], /--manage-cgroups-mode must be soft, full, strict or ignore/],
] as const) {
  testTsrun(`checkpoint ${flags.join(" ")} is refused`, () => {
    using box = started({ args: SLEEP });
    assert.match(refusal(checkpoint(box, flags)), said);
    assert.is(box.state().status, "running");
  });
}

testIdmap("what criu would lose silently is refused", () => {
  const mapped = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const mount = {
    destination: "/data",
    type: "bind",
    source: freshDirectory("host"),
    options: ["bind"],
    uidMappings: mapped,
    gidMappings: mapped,
  };
  using box = started({ args: SLEEP, mounts: [...DEFAULT_MOUNTS, mount] });
  assert.match(complaint(checkpoint(box)), /config\.json: mounts\[\d\]: criu cannot save an id-mapped mount/);
});

testTsrun("what criu loses and matters less is warned of", () => {
  using other = started({ args: SLEEP, process: { ioPriority: { class: "IOPRIO_CLASS_BE", priority: 7 } } });
  const log = join(freshDirectory("log"), "log");
  checkpoint(other, [], { ...callerWithCriu("exit 1"), global: ["--log", log] });
  assert.match(readFileSync(log, "utf8"), /warning.*process\.ioPriority: criu does not save all of it/);
});

testTsrun("restore refuses what is no checkpoint, and an id that is in use", async () => {
  const nothingLeft = watchLeaks();
  using box = container({ args: SLEEP });
  assert.match(complaint(restore(box, "/nonexistent/images")), /\/nonexistent\/images holds no checkpoint/);
  const images = freshDirectory("images");
  assert.match(
    complaint(restore(box, images)),
    /holds no checkpoint of a container: it has no descriptors\.json/,
  );
  writeFileSync(join(images, "descriptors.json"), "no JSON");
  assert.match(complaint(restore(box, images)), /descriptors\.json/);
  await nothingLeft("of refused restores");
  box.create();
  writeFileSync(join(images, "descriptors.json"), "[]");
  const inUse = restore(box, images, callerWithCriu("exit 1"));
  assert.match(complaint(inUse), /container with given ID already exists/);
  assert.is(box.state().status, "created");
});

testTsrun(
  "a restore that was killed leaves nothing that delete --force doesn't take away, and the rootfs whole",
  () => {
    using box = container({ args: SLEEP });
    const images = freshDirectory("images");
    writeFileSync(join(images, "descriptors.json"), "[]");
    // criu ends the runtime in the middle of its work.
    const outcome = restore(box, images, callerWithCriu("kill -9 $PPID; exec /bin/sleep 0.2"));
    assert.is(outcome.signal, "SIGKILL");
    const before = readdirSync(box.bundle.rootfs).sort();
    box.delete("--force");
    assert.equal(readdirSync(box.bundle.rootfs).sort(), before);
    assert.ok(existsSync(join(box.bundle.rootfs, "bin/busybox")));
  },
);

/** What moves a terminal's cursor, in words. */
const visible = (text: string) =>
  text.replaceAll("\r\n", "<end>").replaceAll("\r", "<start>").replaceAll("\u001b[K", "<erase>");

testCompiled(
  "at a terminal a checkpoint shows how far it is, and what it came to; a restore leaves no trace",
  async () => {
    const bin = freshDirectory("bin");
    copyFileSync(fakeCriu, join(bin, "criu"));
    const env = { PATH: bin, TERM: "xterm", WHO: "me", TOLD: join(bin, "told"), CRIU_TAKES: "500" };
    const images = freshDirectory("images");
    using box = started({ args: SLEEP });
    const terminal = async (...args: string[]) => {
      const { file, argv, options } = invocation(args, { env });
      await using at = programAtTerminal(["/usr/bin/env", `PATH=${bin}`, file, ...argv], {
        ...options,
        env: { ...options.env, PATH: process.env["PATH"] ?? "" },
      });
      return { status: await at.ended(), printed: visible(at.printed()) };
    };
    const saved = await terminal("checkpoint", "--leave-running", "--image-path", images, box.id);
    assert.is(saved.status, 0, saved.printed);
    assert.match(saved.printed, /<start>checkpoint \S+: 0\.0 MB, 0\.\d s<erase>/);
    assert.match(saved.printed, /<start>checkpoint \S+: 0\.0 MB, 0\.[2-9] s<erase>/);
    assert.match(saved.printed, /<start><erase>checkpoint \S+: 0\.0 MB, \d\.\d s, in \S+<end>$/);
    using other = container({ args: SLEEP });
    const restored = await terminal(
      "restore",
      "-d",
      "--image-path",
      images,
      "-b",
      other.bundle.path,
      other.id,
    );
    assert.is(restored.status, 0, restored.printed);
    assert.match(
      restored.printed,
      /<start>restore \S+: 0\.0 MB, .*<start>restore \S+: letting them run, .*<start><erase>$/s,
    );
    const quiet = runtime(["checkpoint", "--leave-running", "--image-path", images, box.id], { env });
    assert.equal([quiet.status, quiet.stdout, quiet.stderr], [0, "", ""]);
  },
);

testCompiled("restore --output gives criu that file for both outputs, and logs shows it", async () => {
  const bin = freshDirectory("bin");
  copyFileSync(fakeCriu, join(bin, "criu"));
  const images = freshDirectory("images");
  writeFileSync(join(images, "descriptors.json"), '["/dev/null","pipe:[1]","pipe:[2]"]');
  const output = join(bin, "output");
  using box = container({ args: SLEEP });
  const flags = ["--output", output, "--image-path", images, "--bundle", box.bundle.path];
  const env = { PATH: bin, WHO: "me", TOLD: join(bin, "told") };
  silent(runtime(["restore", "--detach", ...flags, box.id], { env }));
  assert.equal(readFileSync(join(bin, "told-2"), "utf8").match(/^fd [45] .*$/gm), [
    `fd 4 ${output}`,
    `fd 5 ${output}`,
  ]);
  writeFileSync(output, "printed\n");
  assert.is(silent(box.call("logs")).stdout, "printed\n");
});

testTsrun("at a terminal the reason of a failed checkpoint stands alone in its line", async () => {
  using box = started({ args: SLEEP });
  const { env = {} } = callerWithCriu("exit 0");
  const { file, argv, options } = invocation(
    ["checkpoint", "--image-path", freshDirectory("images"), box.id],
    {},
  );
  await using at = programAtTerminal(
    ["/usr/bin/env", `PATH=${env["PATH"]}`, "TERM=xterm", file, ...argv],
    options,
  );
  assert.is(await at.ended(), 1);
  assert.match(visible(at.printed()), /<start><erase>tsrun: error: cannot checkpoint container .*<end>$/);
});

testTsrun("images are in ./checkpoint unless told otherwise", () => {
  const cwd = freshDirectory("caller");
  using box = started({ args: SLEEP });
  const call = { ...callerWithCriu("exit 1"), cwd };
  assert.ok(runtime(["checkpoint", box.id], call).status !== 0);
  assert.ok(existsSync(join(cwd, "checkpoint")));
});

leavesNothing();
test.run();
