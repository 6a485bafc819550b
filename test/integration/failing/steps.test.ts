// Runs beside other files.
/** Each step of an agent fails once, and is once its last: `--fault` makes it so. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces, type Patch } from "../../harness/bundle.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { runtime, silent } from "../../harness/runtime.ts";

const SLEEP = ["sleep", "60"];
const IDS = [{ containerID: 0, hostID: 100000, size: 65536 }];

interface Step {
  /** As `--fault` calls it: `init[17]`. */
  readonly place: string;
  /** The system call and who wants it, without numbers: the same for each of ten masked paths. */
  readonly like: string;
}

/** What an init does when it is parked, which has no numbers of its own. */
const PARKING: readonly Step[] = ["close_range", "prctl", "munmap", "madvise"].map((call) => ({
  place: `container's init:${call}`,
  like: "parking",
}));

const ROLES: Readonly<Record<string, string>> = { stage: "stage", init: "init", "host agent": "host" };

/** The agents' steps of a create, as `--dry-run` tells them, until the init is parked. */
function stepsOf(path: string): readonly Step[] {
  const steps: Step[] = [];
  let heading = "";
  let role: string | undefined;
  const { stdout } = silent(runtime(["create", "--dry-run", "--bundle", path, "x"]));
  for (const line of stdout.slice(0, stdout.lastIndexOf("\n# init\n")).split("\n")) {
    const [, who, owner = ""] = /^# (stage|init|host agent|tsrun)(.*)/.exec(line) ?? [];
    if (who !== undefined) [role, heading] = [ROLES[who], owner];
    const [, number, call] = /^\$(\d+) (\w+)/.exec(line) ?? [];
    if (role === undefined || call === undefined || call === "compare" || call === "move") continue;
    steps.push({
      place: `${role}[${number}]`,
      like: `${role}${heading} ${call}`.replaceAll(/[\d/].*? /g, " "),
    });
  }
  return steps;
}

/** Has each of these steps of a create fail in this way. */
async function eachStep(steps: readonly Step[], path: string, what: string): Promise<void> {
  const nothingNew = watchLeaks();
  for (const { place, like } of steps) {
    const id = uniqueId();
    const global = ["--fault", `${place}=${what}`];
    const made = runtime(["create", "--bundle", path, id], { global, env: { TSRUN_FAULTS: "1" } });
    if (made.status === 0) silent(runtime(["delete", "--force", id]));
    const words = `${place}=${what} (${like})\n${made.stderr}`;
    assert.is.not(made.status, null, `it hung at ${words}`);
    assert.not.match(made.stderr, /no step was for it|internal error/, words);
    const lines = made.stderr.split("\n").filter(Boolean).length;
    assert.is(lines, made.status === 0 ? 0 : 1, `a line when it failed, none when it did not: ${words}`);
    await nothingNew(words);
  }
}

/** One of each kind. */
function distinct(steps: readonly Step[]): readonly Step[] {
  return [...new Map(steps.map((step) => [step.like, step])).values()];
}

const WITH_IDS: Patch = {
  linux: { namespaces: namespaces({ user: true, cgroup: true }), uidMappings: IDS, gidMappings: IDS },
};

testTsrun("a create of which any step of an agent fails leaves nothing", async () => {
  const { path } = bundle({ args: SLEEP });
  const steps = stepsOf(path);
  assert.ok(steps.length > 200, `${steps.length}`);
  await eachStep(steps, path, "EIO");
  await eachStep(PARKING, path, "EIO");
});

testTsrun("nor does one of which an agent is killed at any kind of step", async () => {
  const { path } = bundle({ args: SLEEP });
  await eachStep(distinct(stepsOf(path)), path, "kill");
  await eachStep(PARKING, path, "kill");
});

testTsrun("nor do creates with a user namespace, and its host agent", async () => {
  const { path } = bundle({ args: SLEEP, ...WITH_IDS });
  const steps = distinct(stepsOf(path));
  assert.ok(steps.some(({ place }) => place.startsWith("host")));
  await eachStep(steps, path, "EIO");
  await eachStep(steps, path, "kill");
});

leavesNothing();
test.run();
