// In the machine's own mounts: who has others is not served.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { uniqueId } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";
import { GID, own, UID } from "../../harness/ordinary-user.ts";
import { type Outcome, runtime, silent, succeeded } from "../../harness/runtime.ts";
import { install, uninstall } from "./serving.ts";
import { addUser, DELEGATED, RUNTIME, removeUser } from "./user.ts";

/** As the user's manager has them: a server compares groups too. */
const AS_USER = ["setpriv", "--reuid", String(UID), "--regid", String(GID), "--init-groups", "--"] as const;
const env = { XDG_RUNTIME_DIR: RUNTIME };

const asUser = (...words: readonly string[]) =>
  command("env", `XDG_RUNTIME_DIR=${RUNTIME}`, ...AS_USER, ...words).trim();
const systemctl = (...words: readonly string[]) => asUser("systemctl", "--user", ...words);
const call = (...args: readonly string[]): Outcome =>
  runtime(args, { root: null, env, global: ["--debug", "--systemd-cgroup"], through: AS_USER });

test.before(() => {
  install("user");
  addUser();
  systemctl("enable", "--runtime", "--now", "tsrun.socket");
});

test.after(() => {
  systemctl("disable", "--runtime", "--now", "tsrun.socket");
  removeUser();
  uninstall("user");
});

test("a user's containers are made by the user's server", () => {
  call("list"); // starts it
  const id = uniqueId();
  const made = succeeded(call("run", "--detach", "--bundle", own({ args: ["sleep", "60"] }), id));
  const pid = systemctl("show", "--property", "MainPID", "--value", "tsrun.service");
  assert.match(made.stderr, `served by tsrun serve, pid ${pid}\n`);
  const state = JSON.parse(succeeded(call("state", id)).stdout);
  assert.is(cgroup2Of(state.pid), `${DELEGATED}/user.slice/tsrun-${id}.scope`);
  systemctl("stop", "tsrun.service");
  assert.is(JSON.parse(succeeded(call("state", id)).stdout).status, "running");
  succeeded(call("delete", "--force", id));
});

test("root's commands are none of that server's", () => {
  const { stderr } = silentlyDebugged();
  assert.match(stderr, "not served: /run/tsrun-serve.sock: no tsrun server listens there");
});

function silentlyDebugged(): Outcome {
  return succeeded(runtime(["list"], { env, global: ["--debug"] }));
}

test("nothing is left behind", () => {
  assert.is(command("find", DELEGATED, "-name", "tsrun-*.scope"), "");
  assert.is(silent(runtime(["list", "--quiet"], { root: null, env, through: AS_USER })).stdout, "");
});

test.run();
