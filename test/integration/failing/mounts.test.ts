// Runs beside other files.
/** Each step of `mounts add`, `mounts remove` and `exec --tools` fails once, by `--fault`. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type JsonObject, namespaces } from "../../harness/bundle.ts";
import { type Container, started } from "../../harness/container.ts";
import { freshDirectory, project, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { parseMounts } from "../../harness/mountinfo.ts";
import { type Outcome, runtime, silent } from "../../harness/runtime.ts";
import { bind, hostDirectory } from "../../harness/volumes.ts";

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };
const ROLES = ["stage", "init", "host"] as const;

/** So many numbers without a step are the end; single ones have none, such as conditions. */
const GAP = 6;

/**
 * Makes calls in which one step after another fails, until no step has that number. `judge` is told each, after its
 * message was looked at.
 */
function eachStep(
  role: string,
  what: string,
  args: readonly string[],
  judge: (outcome: Outcome) => void,
): void {
  for (let number = 0, missed = 0; missed < GAP; number++) {
    const fault = `${role}[${number}]=${what}`;
    const outcome = runtime(args, { global: ["--fault", fault], env: { TSRUN_FAULTS: "1" } });
    missed = /no step was for it/.test(outcome.stderr) ? missed + 1 : 0;
    assert.not.match(outcome.stderr, /internal error/, fault);
    if (outcome.status !== 0) assert.match(outcome.stderr, /^tsrun: error: .*\n$/, fault);
    judge(outcome);
  }
}

/** Mounts by what they are and where: their numbers are new each time. */
const mountsOf = (box: Container) =>
  parseMounts(readFileSync(`/proc/${box.pid()}/mountinfo`, "utf8"))
    .map(({ mountPoint, fsType, options }) => `${mountPoint} ${fsType} ${options}`)
    .sort();

const list = (box: Container) => silent(runtime(["mounts", "list", box.id])).stdout;

function fileOf(...mounts: readonly JsonObject[]): string {
  const file = join(freshDirectory("mounts"), "mounts.json");
  writeFileSync(file, JSON.stringify(mounts));
  return file;
}

const KINDS: Readonly<Record<string, JsonObject>> = {
  "": {},
  " with a user namespace": { linux: MAPPED },
};

for (const [kind, patch] of Object.entries(KINDS))
  for (const what of ["EIO", "kill"])
    testTsrun(`what a mounts add leaves of which a step fails can be removed: ${what}${kind}`, () => {
      using box = started({ args: ["sleep", "60"], ...patch });
      const tmpfs = { destination: "/dev/b", type: "tmpfs", source: "tmpfs", options: ["ro"] };
      const file = fileOf(bind(hostDirectory("file"), "/dev/a"), tmpfs);
      const [before, listed] = [mountsOf(box), list(box)];
      let failed = 0;
      for (const role of ROLES)
        eachStep(role, what, ["mounts", "add", box.id, file], ({ status }) => {
          failed += status === 0 ? 0 : 1;
          if (list(box) !== listed) assert.is(runtime(["mounts", "remove", box.id, file]).status, 0);
          assert.equal(mountsOf(box), before);
          assert.is(list(box), listed);
        });
      assert.ok(failed > 20, `${failed}`);
    });

testTsrun(
  "a mounts add of which a system call fails in the container leaves the mounts and the list as before",
  () => {
    using box = started({ args: ["sleep", "60"] });
    const file = fileOf(bind(hostDirectory("file"), "/dev/a"), bind(hostDirectory("file"), "/dev/b"));
    const [before, listed] = [mountsOf(box), list(box)];
    for (const call of ["open_tree", "move_mount", "mkdirat"]) {
      const global = ["--fault", `mounts[0]:${call}=EIO`];
      const outcome = runtime(["mounts", "add", box.id, file], { global, env: { TSRUN_FAULTS: "1" } });
      assert.match(outcome.stderr, new RegExp(`mounts\\[0\\] .*${call}.*EIO`));
      assert.equal(mountsOf(box), before);
      assert.is(list(box), listed);
    }
  },
);

testTsrun("a mounts remove of which a step fails can be done again", () => {
  using box = started({ args: ["sleep", "60"] });
  const file = fileOf(bind(hostDirectory("file"), "/dev/a"));
  const [before, listed] = [mountsOf(box), list(box)];
  silent(runtime(["mounts", "add", box.id, file]));
  eachStep("init", "EIO", ["mounts", "remove", box.id, file], () => {
    if (list(box) !== listed) assert.is(runtime(["mounts", "remove", box.id, file]).status, 0);
    assert.equal(mountsOf(box), before);
    silent(runtime(["mounts", "add", box.id, file]));
  });
});

const tools = freshDirectory("tools");
copyFileSync(join(project, "build/rootfs/busybox/bin/busybox"), join(tools, "sh"));

for (const [kind, patch] of Object.entries(KINDS))
  testTsrun(`an exec --tools of which a step fails changes nothing of the container${kind}`, () => {
    using box = started({ args: ["/pause"], root: { path: "rootfs", readonly: true }, ...patch }, "pause");
    const before = mountsOf(box);
    for (const role of ROLES)
      eachStep(role, "EIO", ["exec", "--tools", tools, box.id, "sh", "-c", "exit 0"], () =>
        assert.equal(mountsOf(box), before),
      );
  });

leavesNothing();
test.run();
