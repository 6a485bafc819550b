import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { uniqueId } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";
import { AS_USER, type Changes, call, home, own, UID } from "../../harness/ordinary-user.ts";
import { complaint, type Outcome, silent, succeeded } from "../../harness/runtime.ts";
import { addUser, DELEGATED, MANAGER, RUNTIME, removeUser } from "./user.ts";

const [setpriv = "", ...asUser] = AS_USER;
const LIMITS = { resources: { pids: { limit: 7 }, memory: { limit: 64 << 20 } } };

test.before(addUser);
test.after(removeUser);

function scoped(...args: readonly string[]): Outcome {
  return call(args, { env: { XDG_RUNTIME_DIR: RUNTIME }, global: ["--systemd-cgroup"] });
}

/** A container of the user's, running in a scope. */
function started(changes: Changes) {
  const id = uniqueId();
  silent(scoped("run", "--detach", "--bundle", own(changes), id));
  return {
    id,
    pid: JSON.parse(silent(scoped("state", id)).stdout).pid as number,
    [Symbol.dispose]: () => void succeeded(scoped("delete", "--force", id)),
  };
}

/** A property of a unit of the user's, as the user's systemd prints it. */
function shown(unit: string, property: string): string {
  const show = ["systemctl", "--user", "show", "--property", property, "--value", unit];
  return command(setpriv, ...asUser, "env", `XDG_RUNTIME_DIR=${RUNTIME}`, ...show).trim();
}

test("the user's systemd makes a scope for a container, with the limits that were delegated to it", () => {
  using box = started({ args: ["sleep", "60"], linux: LIMITS });
  const cgroup = cgroup2Of(box.pid);
  const unit = `tsrun-${box.id}.scope`;
  assert.is(cgroup, join(DELEGATED, "user.slice", unit));
  assert.is(shown(unit, "Slice"), "user.slice");
  assert.is(shown(unit, "TasksMax"), "7");
  assert.is(readFileSync(join(cgroup, "pids.max"), "utf8"), "7\n");
  assert.is(readFileSync(join(cgroup, "memory.max"), "utf8"), `${64 << 20}\n`);
  assert.is(readFileSync(join(cgroup, "cgroup.procs"), "utf8"), `${box.pid}\n`);
});

test("update, pause and exec act on the scope, and delete removes it", () => {
  using box = started({ args: ["sleep", "60"], linux: LIMITS });
  const cgroup = cgroup2Of(box.pid);
  silent(scoped("update", "--pids-limit", "9", box.id));
  assert.is(readFileSync(join(cgroup, "pids.max"), "utf8"), "9\n");
  silent(scoped("pause", box.id));
  assert.is(readFileSync(join(cgroup, "cgroup.freeze"), "utf8"), "1\n");
  silent(scoped("resume", box.id));
  silent(scoped("exec", "--detach", box.id, "sleep", "60"));
  assert.is(readFileSync(join(cgroup, "cgroup.procs"), "utf8").trim().split("\n").length, 2);
  silent(scoped("delete", "--force", box.id));
  assert.not(existsSync(cgroup));
  assert.is(shown(`tsrun-${box.id}.scope`, "LoadState"), "not-found");
});

test("hooks run in the scope, too", () => {
  const note = join(home, "cgroup");
  const hook = { path: "/bin/sh", args: ["sh", "-c", `cat /proc/self/cgroup >${note}`] };
  using box = started({ args: ["sleep", "60"], more: { hooks: { createContainer: [hook] } } });
  assert.is(
    readFileSync(note, "utf8"),
    `0::/user.slice/user-${UID}.slice/${MANAGER}/user.slice/tsrun-${box.id}.scope\n`,
  );
});

test("without a systemd of the user's, an error tells how to get one", () => {
  const outcome = call(["run", "--bundle", own({ args: ["true"] }), uniqueId()], {
    global: ["--systemd-cgroup"],
    env: { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent/bus" },
  });
  assert.match(complaint(outcome), /cannot reach systemd: \/nonexistent\/bus: ENOENT/);
});

test("nothing is left behind", () => {
  const scopes = command("find", DELEGATED, "-name", "tsrun-*");
  assert.is(scopes, "");
  assert.is(silent(scoped("list", "--quiet")).stdout, "");
});

test.run();
