import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ANNOTATIONS, heeded } from "../../../src/cli/explain/annotations.ts";
import { answerTo, answerToAnnotation, deedFor } from "../../../src/cli/explain/answer.ts";
import { expand } from "../../../src/cli/explain/claims.ts";
import { DEEDS } from "../../../src/cli/explain/deeds.ts";
import { annotationAt, explainable, nearestTo, propertyAt } from "../../../src/cli/explain/paths.ts";
import { standings } from "../../../src/cli/explain/standings.ts";
import { knownWords, valueText } from "../../../src/cli/explain/value.ts";
import { NUMBERS } from "../../../src/kernel/syscall-numbers.ts";
import { schemaProperties } from "../../conformance/schema.ts";

const project = resolve(import.meta.dir, "../../..");
const all = explainable();
const properties = all.map(([property]) => property);
const inSchemas = schemaProperties().map(({ path }) => path);

test("the specification has a line for each property of its schemas, once, and for no other", () => {
  assert.equal(properties, [...inSchemas].sort());
  for (const [property, says] of all) assert.match(says, /^[A-Zarc][^\n]{3,119}\.$/, property);
});

test("there is a deed for each property that is applied, and none for what is not a property", () => {
  const lacking = [...standings()].filter(
    ([property, { how }]) => how.startsWith("applied") && !deedFor(property),
  );
  assert.equal(
    lacking.map(([property]) => property),
    [],
  );
  const named = Object.keys(DEEDS).flatMap(expand);
  assert.equal(
    named.filter((property) => !inSchemas.includes(property)),
    [],
  );
  assert.is(new Set(named).size, named.length);
});

test("each call of a deed is a system call's name", () => {
  for (const [property, { calls }] of Object.entries(DEEDS))
    for (const name of calls.split(" ").filter(Boolean)) assert.ok(name in NUMBERS, `${property}: ${name}`);
});

test("a property is found however messages, people and shells write it", () => {
  for (const [path, property] of [
    ["linux.maskedPaths", "linux.maskedPaths"],
    ["config.json: linux.namespaces[2].path", "linux.namespaces[].path"],
    ["mounts[0] (proc on /proc)", "mounts"],
    ["mounts.options", "mounts[].options"],
    ['linux.sysctl["net.ipv4.ip_forward"]', "linux.sysctl"],
    ['linux.resources.unified["memory.high"]', "linux.resources.unified"],
    ['linux.netDevices["eth0"].name', "linux.netDevices.*.name"],
    ["linux.resources.rdma.mlx5_0.hcaHandles", "linux.resources.rdma.*.hcaHandles"],
    ["hooks.poststop[1].path", "hooks.poststop[].path"],
  ] as const)
    assert.is(propertyAt(path, properties), property, path);
  for (const property of properties) assert.is(propertyAt(property, properties), property);
  for (const path of ["", "linux.maskedPath", "maskedPaths", "linux.maskedPaths.x", "linux.sysctl.a.b"])
    assert.is(propertyAt(path, properties), null, path);
});

test("the nearest are those of the same name, else of the nearest path, else of the nearest name", () => {
  assert.equal(nearestTo("maskedpaths", properties), ["linux.maskedPaths"]);
  assert.equal(nearestTo("limit", properties).length, 3);
  assert.equal(nearestTo("linux.maskdPaths", properties), ["linux.maskedPaths"]);
  assert.equal(nearestTo("process.masked_Paths", properties), ["linux.maskedPaths"]);
  assert.equal(nearestTo("quux", properties), []);
  assert.equal(nearestTo("nope", properties), []); // two of its four letters are those of "type"
});

test("what a property may hold is told out of the model", () => {
  for (const [property, words] of [
    ["process.oomScoreAdj", "a whole number from -1000 to 1000"],
    ["process.cwd", "text that must be absolute; required"],
    ["root.readonly", "true or false"],
    [
      "linux.namespaces[].type",
      "a namespace type: pid, network, mount, ipc, uts, user, cgroup, time; required",
    ],
    ["linux.sysctl", "an object with names that you choose; each text"],
    ["process.rlimits[].hard", "a whole number from 0 to 2^64-1; required"],
    ["process.args", "a list, not empty; each text; required"],
    ["windows", ""],
  ] as const)
    assert.is(valueText(property), words, property);
  assert.match(knownWords("process.capabilities.bounding"), /CAP_NET_ADMIN/);
  assert.match(knownWords("mounts[].options"), /\brnosuid\b/);
});

test("an answer fits into a hundred columns and names what belongs together", () => {
  for (const [property, says] of all) {
    const lines = answerTo(property, says, properties).trimEnd().split("\n");
    assert.is(lines[0], property);
    for (const line of lines) assert.ok(line.length <= 100 || !line.trim().includes(" "), line);
  }
  const answer = answerTo("linux.resources.memory.limit", "", properties);
  assert.match(
    answer,
    /writes memory\.max .*\n {2}system calls {3}write\n {2}tsrun check {4}cgroup\.controller\.memory\n/,
  );
  assert.match(answer, "test/vm/memory.test.ts: a process that takes more than the limit is killed");
});

test("each annotation that is heeded has an answer, however it is quoted", () => {
  for (const [name, own] of Object.entries(ANNOTATIONS)) {
    for (const path of [
      `annotations["${name}"]`,
      `annotations.${name}`,
      `config.json: annotations["${name}"]`,
    ])
      assert.is(annotationAt(path), name);
    assert.is(heeded(name), own);
    assert.ok(existsSync(join(project, own.document)), own.document);
    for (const call of own.calls.split(" ").filter(Boolean)) assert.ok(call in NUMBERS, call);
    for (const line of answerToAnnotation(name, own).split("\n")) assert.ok(line.length <= 100, line);
  }
  assert.is(heeded("org.systemd.property.CPUWeight"), ANNOTATIONS["org.systemd.property.*"]);
  assert.is(heeded("org.example"), null);
  assert.is(annotationAt("linux.sysctl.a"), null);
  assert.match(answerTo("annotations", "", properties), "org.tsrun.landlock.strict");
  const landlock = ANNOTATIONS["org.tsrun.landlock"];
  assert.ok(landlock);
  assert.match(answerToAnnotation("org.tsrun.landlock", landlock), /\n {2}tsrun check {4}landlock\n/);
});

test("no property is listed as one of its own", () => {
  for (const name of ["process", "mounts", "linux"])
    assert.not.match(answerTo(name, "", properties), /in it\s+,/, name);
});

test.run();
