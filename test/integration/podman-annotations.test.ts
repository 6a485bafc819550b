// Runs beside other files.
// What podman asks of crun by annotations.
import { chownSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject, namespaces } from "../harness/bundle.ts";
import { container, containerOf, inside, ran } from "../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, runtime, succeeded } from "../harness/runtime.ts";

// run.oci.keep_original_groups: podman run --group-add keep-groups

const KEEP = { annotations: { "run.oci.keep_original_groups": "1" } };
const AS_MEMBER = { through: ["setpriv", "--groups", "77,100077", "--"] };
const USER = { user: { uid: 1000, gid: 1000, additionalGids: [9] } };
const GROUPS = ["grep", "Groups", "/proc/self/status"];
const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: mapping, gidMappings: mapping };

const seen = (patch: JsonObject) => inside(GROUPS, { process: USER, ...patch }, AS_MEMBER).trim();

testTsrun("the caller's additional groups are kept where run.oci.keep_original_groups asks for it", () => {
  assert.is(seen(KEEP), "Groups:\t77 100077");
  assert.is(seen({ ...KEEP, linux: MAPPED }), "Groups:\t65534 77");
});

test("and else, or where it is 0, those of config.json replace them", () => {
  assert.is(seen({}), "Groups:\t9");
  assert.is(seen({ annotations: { "run.oci.keep_original_groups": "0" } }), "Groups:\t9");
  assert.is(seen({ linux: MAPPED }), "Groups:\t9");
});

testTsrun("exec keeps those of its own caller", () => {
  using box = container({ ...KEEP, args: ["sleep", "60"], linux: MAPPED });
  box.runDetached();
  const { stdout } = succeeded(runtime(["exec", "--user", "1000:1000", box.id, ...GROUPS], AS_MEMBER));
  assert.is(stdout.trim(), "Groups:\t65534 77");
});

// run.oci.hooks.stdout and stderr

/** A hook of the kind that prints to both streams. */
const saying = (kind: string, path = "/bin/sh") => ({
  [kind]: [{ path, args: ["sh", "-c", `echo ${kind}; echo not ${kind} >&2`], env: ["PATH=/bin"] }],
});

const HOOKS = {
  ...saying("createRuntime"),
  ...saying("createContainer"),
  ...saying("startContainer"),
  ...saying("poststart"),
  ...saying("poststop"),
};
const KINDS = Object.keys(HOOKS);

testTsrun("hooks print to the files that run.oci.hooks.stdout and stderr name, one after the other", () => {
  const directory = freshDirectory("hooks");
  const annotations = {
    "run.oci.hooks.stdout": join(directory, "out"),
    "run.oci.hooks.stderr": join(directory, "err"),
  };
  for (const linux of [{}, MAPPED]) {
    const made = bundle({ args: ["true"], annotations, hooks: HOOKS, linux });
    if ("uidMappings" in linux) chownSync(made.path, 100000, 100000);
    succeeded(runtime(["run", "--bundle", made.path, uniqueId()]));
  }
  const twice = [...KINDS, ...KINDS];
  assert.is(readFileSync(join(directory, "out"), "utf8"), twice.map((kind) => `${kind}\n`).join(""));
  assert.is(readFileSync(join(directory, "err"), "utf8"), twice.map((kind) => `not ${kind}\n`).join(""));
});

testTsrun("a relative one is sought in the bundle, and the other stream stays in tsrun's error", () => {
  const failing = {
    createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "echo out; echo err >&2; exit 3"] }],
  };
  const made = bundle({ annotations: { "run.oci.hooks.stdout": "out" }, hooks: failing });
  using box = containerOf(made, uniqueId());
  const said = complaint(box.call("create", "--bundle", made.path));
  assert.match(said, /exit status 3; it said: err$/m);
  assert.is(readFileSync(join(made.path, "out"), "utf8"), "out\n");
});

testTsrun("one that can't be opened is an error that names it, and no hook has run", () => {
  const marker = join(freshDirectory("hooks"), "ran");
  const hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `touch ${marker}`] }] };
  const said = complaint(ran({ annotations: { "run.oci.hooks.stderr": "/not/there" }, hooks }));
  assert.match(said, /annotations\["run\.oci\.hooks\.stderr"\]: cannot open \/not\/there: ENOENT/);
  assert.not(existsSync(marker));
});

leavesNothing();
test.run();
