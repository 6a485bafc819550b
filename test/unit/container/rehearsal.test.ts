/** tsrun's own part of `--dry-run`: what looks is done, what changes something is only noted. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { listed } from "../../../src/container/listing/listing.ts";
import { INIT_PID, Rehearsal } from "../../../src/container/listing/rehearsal.ts";
import {
  rehearseHooks,
  rehearseLimits,
  rehearseMoves,
  rehearseScope,
} from "../../../src/container/listing/rehearsed.ts";
import { ERRNO } from "../../../src/kernel/errno.ts";
import { isErrno, makeDirectory, readText, writeExisting, writeFile } from "../../../src/kernel/files.ts";
import { onBehalfOf } from "../../../src/kernel/here.ts";

const directory = mkdtempSync(join(tmpdir(), "tsrun-rehearsal-"));
const file = join(directory, "file");
writeFileSync(file, "before");
test.after(() => rmSync(directory, { recursive: true }));

const textsOf = (rehearsal: Rehearsal) => rehearsal.deeds.map(({ text }) => text);
const CONFIG = { ociVersion: "1.2.0", root: { path: "/" } };

test("a rehearsal writes nothing, and tells what it would have written, where and for whom", () => {
  const rehearsal = new Rehearsal();
  rehearsal.act(() => onBehalfOf("config.json: somebody", () => writeExisting(file, "after")));
  assert.is(readFileSync(file, "utf8"), "before");
  assert.equal(
    [...listed(rehearsal.deeds)],
    ["# tsrun: config.json: somebody", `write(<${file}>, "after", 5)`],
  );
});

test("a directory that a rehearsal makes is there for the rest of it, and empty", () => {
  const rehearsal = new Rehearsal();
  const made = join(directory, "made");
  rehearsal.act(() => {
    assert.is(makeDirectory(made), true);
    assert.is(makeDirectory(made), false);
    assert.is(makeDirectory(directory), false);
    assert.throws(
      () => makeDirectory(join(directory, "no/such")),
      (error: unknown) => isErrno(error, ERRNO.ENOENT),
    );
    writeFile(join(made, "inner"), "x");
    assert.is(readText(join(made, "other")), "");
  });
  assert.not.ok(existsSync(made));
  assert.equal(textsOf(rehearsal), [`mkdirat(AT_FDCWD, "${made}", 0755)`, `write(<${made}/inner>, "x", 1)`]);
});

test("files are read as they are in a rehearsal, and after it all is done in earnest again", () => {
  assert.is(
    new Rehearsal().act(() => readText(file)),
    "before",
  );
  writeExisting(file, "behind");
  assert.is(readFileSync(file, "utf8"), "behind");
});

test("the init that is not there yet is called INIT", () => {
  const rehearsal = new Rehearsal();
  rehearsal.act(() => writeExisting(`/proc/${INIT_PID}/oom_score_adj`, "1"));
  assert.equal(textsOf(rehearsal), ['write(</proc/INIT/oom_score_adj>, "1", 1)']);
});

test("systemd is asked for a scope with the limits that it has words for, and the files are written too", () => {
  writeFileSync(join(directory, "cgroup.controllers"), "memory\n");
  const rehearsal = new Rehearsal();
  const unit = { name: "tsrun-x.scope", slice: "system.slice", manager: "system" } as const;
  const saved = { mount: directory, path: join(directory, "x"), unit };
  const config = {
    ...CONFIG,
    linux: { resources: { memory: { limit: 1_000_000 }, devices: [{ allow: true, access: "rwm" }] } },
  };
  rehearseScope(rehearsal, saved, config);
  rehearseLimits(rehearsal, saved, config);
  assert.equal(textsOf(rehearsal).slice(0, 2), [
    'systemd: StartTransientUnit("tsrun-x.scope", {PIDs=[STAGE], Slice="system.slice", MemoryMax})',
    `write(<${saved.path}/memory.max>, "1000000", 7)`,
  ]);
});

test("hooks and network devices have their lines", () => {
  const rehearsal = new Rehearsal();
  const hooks = {
    prestart: [{ path: "/bin/a", args: ["a", "1"], env: ["X=1"] }],
    poststart: [{ path: "/bin/b" }],
  };
  rehearseMoves(rehearsal, "x", { ...CONFIG, linux: { netDevices: { eth1: {} } } });
  rehearseHooks(rehearsal, { ...CONFIG, hooks }, "prestart", "poststart");
  assert.equal(
    [...listed(rehearsal.deeds)],
    [
      '# tsrun: config.json: linux.netDevices["eth1"]',
      "rtnetlink: move eth1 to the network of INIT",
      "# tsrun: config.json: hooks.prestart[0]",
      'execve("/bin/a", ["a", "1"], <1 variables>)',
      "# tsrun: config.json: hooks.poststart[0]",
      'execve("/bin/b", ["/bin/b"], <0 variables>)',
    ],
  );
});

test.run();
