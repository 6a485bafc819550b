// Runs beside other files.
import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bundle, bundle, type Patch } from "../../harness/bundle.ts";
import { canCompile, compiled, testCompiled } from "../../harness/compile.ts";
import { containerOf } from "../../harness/container.ts";
import { isTsrun, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { type Call, runtime, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { notebook, script, withHooks } from "../hooks/scripts.ts";

const program = compiled("test/integration/process/inherited.c");

/** Has the runtime called by a process of which all is changed that a child could inherit. */
const CHANGED: Call = { through: [program, "change"] };

/** A config that says nothing of what is inherited. */
const SILENT: Patch = { process: { rlimits: [], noNewPrivileges: false } };

function withProgram(patch: Patch): Bundle {
  const made = bundle({ ...SILENT, ...patch });
  copyFileSync(program, join(made.rootfs, "bin/inherited"));
  return made;
}

/** How something comes to run, and what it shows then. */
const WAYS: { readonly [way: string]: (call: Call) => string } = {
  run(call) {
    const { path } = withProgram({ args: ["inherited", "show"] });
    return succeeded(runtime(["run", "--bundle", path, uniqueId()], call)).stdout;
  },
  exec(call) {
    using one = containerOf(withProgram({ args: ["sleep", "60"] }), uniqueId());
    one.runDetached();
    return succeeded(runtime(["exec", one.id, "inherited", "show"], call)).stdout;
  },
  startContainer(call) {
    const notes = notebook();
    const hooked = withHooks(notes, { startContainer: "exec inherited show > $NOTES" });
    using one = containerOf(withProgram({ ...SILENT, ...hooked }), uniqueId());
    one.create(call);
    succeeded(runtime(["start", one.id], call));
    return notes.read();
  },
  createContainer: (call) => seenByHook("createContainer", call),
  createRuntime: (call) => seenByHook("createRuntime", call),
};

function seenByHook(kind: "createContainer" | "createRuntime", call: Call): string {
  const notes = notebook();
  const hooks = { [kind]: [script(`exec ${program} show > ${notes.file}`)] };
  using one = containerOf(bundle({ ...SILENT, args: ["sleep", "60"], hooks }), uniqueId());
  one.create(call);
  return notes.read();
}

const FROM_CONTAINER = ["run", "exec", "startContainer"];
/** Those that are processes of the container, or at least in its cgroup. */
const IN_CGROUP = [...FROM_CONTAINER, "createContainer"];
const ALL = [...IN_CGROUP, "createRuntime"];

/** What is set anew, and for which of these. */
const RESET: { readonly [attribute: string]: readonly string[] } = {
  affinity: IN_CGROUP,
  subreaper: ALL,
  umask: FROM_CONTAINER,
  groups: FROM_CONTAINER,
  blocked: ALL,
  ignored: ALL,
  ambient: FROM_CONTAINER,
};

/** What stays as the caller has it, for each of them. The soft limit of open files is one that Bun changes. */
const KEPT = [
  ...["limit", "files", "scheduler", "nice", "ioprio", "timerslack", "securebits", "thp", "mce", "ksm"],
  ...["speculation", "personality", "mempolicy", "oom_score_adj", "coredump_filter", "request_key"],
];

/** Set anew to nothing, even if the tests themselves have been started with some. */
const NONE = ["blocked", "ignored"];

/** What some processors let nobody change: there everybody has what the caller has, or something is wrong. */
const OF_THE_PROCESSOR = ["speculation"];

const lines = (text: string, attribute: string) =>
  text.split("\n").filter((line) => line.startsWith(`${attribute} `));

if (canCompile) {
  const here = (...through: string[]) => spawnSync(program, through, { encoding: "utf8" }).stdout;
  const [plain, changed] = [here("show"), here("change", program, "show")];
  const shown = Object.fromEntries(ALL.map((way) => [way, WAYS[way]?.(CHANGED) ?? ""]));
  for (const attribute of [...Object.keys(RESET), ...KEPT]) {
    const [before, after] = [lines(plain, attribute), lines(changed, attribute)];
    const differs = before.join() !== after.join();
    const reset = RESET[attribute] ?? [];
    const canDiffer = differs || OF_THE_PROCESSOR.includes(attribute);
    const testIt = testIf(canDiffer && isTsrun, `needs a caller that can change its ${attribute}`);
    testIt(
      `${attribute}: ${reset.length > 0 ? `is set anew for ${reset.join(", ")}` : "is the caller's"}`,
      () => {
        for (const way of ALL) {
          const anew = NONE.includes(attribute) ? [] : before;
          const wanted = reset.includes(way) ? anew : after;
          assert.equal(lines(shown[way] ?? "", attribute), wanted, way);
        }
      },
    );
  }

  testTsrun("nothing of the container dies with its parent, but hooks, whose end tsrun has to see", () => {
    const found = ALL.map((way) => lines(shown[way] ?? "", "pdeathsig")[0]);
    assert.equal(found, ["pdeathsig 0", "pdeathsig 0", "pdeathsig 9", "pdeathsig 9", "pdeathsig 9"]);
  });
} else testCompiled("what is inherited", () => {});

leavesNothing();
test.run();
