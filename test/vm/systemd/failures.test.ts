import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type Patch } from "../../harness/bundle.ts";
import { container } from "../../harness/container.ts";
import { stateRoot, uniqueId } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";
import { nothingIsLeft } from "./leaks.ts";
import { createdInScope, SYSTEMD, scopeOf, shown, startedInScope } from "./units.ts";

/** What a `create` that fails says; the file's last test sees that it has left nothing. */
function refusal(patch: Patch, call = SYSTEMD): string {
  const id = uniqueId();
  const outcome = runtime(["create", "--bundle", bundle(patch).path, id], call);
  assert.not(existsSync(join(stateRoot, id)));
  return complaint(outcome);
}

for (const [what, cgroupsPath, said] of [
  [
    "a path",
    "/tsrun/box",
    /linux\.cgroupsPath: with --systemd-cgroup it must be slice:prefix:name, .*; found "\/tsrun\/box"/,
  ],
  ["no slice", "system:tsrun:box", /linux\.cgroupsPath: "system" is not a slice name/],
  ["a slice with a path", "../x.slice:tsrun:box", /linux\.cgroupsPath: "\.\.\/x\.slice" is not a slice name/],
  ["a name that climbs", "system.slice:tsrun:../box", /linux\.cgroupsPath: ".*" is not a unit name/],
] as const)
  test(`cgroupsPath with ${what} is refused`, () => {
    assert.match(refusal({ linux: { cgroupsPath } }), said);
  });

test("a property that systemd does not know is told with the unit and its error", () => {
  const said = refusal({ annotations: { "org.systemd.property.Nonsense": "true" } });
  assert.match(
    said,
    /^tsrun: error: systemd refuses to start the unit tsrun-.*\.scope: org\.freedesktop\.DBus\./,
  );
  assert.match(said, /Nonsense/);
});

test("a property of another type is told so, too", () => {
  const said = refusal({ annotations: { "org.systemd.property.TimeoutStopUSec": "'long'" } });
  assert.match(said, /^tsrun: error: systemd refuses to start the unit tsrun-.*\.scope: .*contents/);
  assert.match(said, /annotations give it TimeoutStopUSec \(type s\)$/);
});

test("a value that the kernel refuses is the config's", () => {
  const unified = { "memory.max": "much" };
  const said = refusal({ linux: { resources: { unified } } });
  assert.match(said, /linux\.resources\.unified\["memory\.max"\]: cannot write "much"/);
});

test("a container whose program does not exist leaves no unit", () => {
  assert.match(refusal({ args: ["nope"] }), /executable file not found/);
});

test("another's unit of the name is left alone", () => {
  using box = startedInScope({ args: ["sleep", "60"] });
  const cgroupsPath = `system.slice:tsrun:${box.id}`;
  using second = container({ linux: { cgroupsPath } });
  const outcome = runtime(["create", "--bundle", second.bundle.path, second.id], SYSTEMD);
  assert.match(complaint(outcome), /linux\.cgroupsPath: .*\.scope has processes already/);
  second.delete("--force");
  assert.is(box.state().status, "running");
  assert.is(shown(scopeOf(box), "ActiveState"), "active");
});

test("another's unit of the name without processes in its cgroup is left alone", () => {
  const name = uniqueId();
  const unit = `tsrun-${name}.scope`;
  command("systemd-run", "--quiet", "--collect", "--unit", `${name}.service`, "sleep", "120");
  const pid = shown(`${name}.service`, "MainPID");
  // A scope whose processes are all in a cgroup below its own.
  command(
    ...(["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"] as const),
    ...["org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "replace"],
    ...["2", "PIDs", "au", "1", pid, "Delegate", "b", "true", "0"],
  );
  assert.is(shown(unit, "ActiveState"), "active");
  using box = container({ linux: { cgroupsPath: `system.slice:tsrun:${name}` } });
  const outcome = runtime(["create", "--bundle", box.bundle.path, box.id], SYSTEMD);
  assert.match(complaint(outcome), /has processes already|refuses to start the unit/);
  assert.is(shown(unit, "ActiveState"), "active");
  command("systemctl", "stop", unit);
});

test("a tsrun in another pid namespace than systemd's is refused: its pids are others' there", () => {
  const through = ["unshare", "--pid", "--fork", "--mount-proc"];
  const said = refusal({}, { ...SYSTEMD, through });
  assert.match(said, /in systemd's pid namespace, where pid \d+ is another process/);
});

test("without a message bus systemd is asked at its own socket", () => {
  const env = { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent/bus" };
  using box = createdInScope({ args: ["sleep", "60"] }, { env });
  assert.is(shown(scopeOf(box), "ActiveState"), "active");
  const began = performance.now();
  succeeded(runtime(["delete", "--force", box.id], { env }));
  assert.ok(performance.now() - began < 15_000, "systemd has not answered, and was waited for");
  assert.is(shown(scopeOf(box), "LoadState"), "not-found");
});

nothingIsLeft();
test.run();
