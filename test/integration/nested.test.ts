// Runs beside other files.
// In a container around tsrun, whose runtime has covered parts of /proc and /sys: what can't be had is told with its cause.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces, type Patch } from "../harness/bundle.ts";
import { freshDirectory, testTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, runtime } from "../harness/runtime.ts";

/** Runs a command as root of a user namespace with one id, in which something is mounted read-only over itself. */
const within = (covered: string) => [
  ...["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc"],
  ...[
    "sh",
    "-c",
    `mount --bind ${covered} ${covered} && mount -o remount,bind,ro ${covered} && exec "$@"`,
    "sh",
  ],
];

const ID = [{ containerID: 0, hostID: 0, size: 1 }];

/** A bundle with namespaces of its own, and whatever its mounts are, one of a sysfs. */
function nested(patch: Patch = {}) {
  const sysfs = {
    destination: "/sys",
    type: "sysfs",
    source: "sysfs",
    options: ["nosuid", "noexec", "nodev"],
  };
  return bundle({
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }, sysfs],
    linux: {
      namespaces: namespaces({ user: true, network: true }),
      uidMappings: ID,
      gidMappings: ID,
      maskedPaths: undefined,
      readonlyPaths: undefined,
      devices: undefined,
      resources: undefined,
    },
    ...patch,
  }).path;
}

const env = { USER: "" };

const ADVICE = [
  "podman run --security-opt unmask=ALL",
  "docker run --security-opt systempaths=unconfined",
  "procMount: Unmasked",
];

testTsrun(
  "a proc that the container around would let see too much is refused, with what covers that one's",
  () => {
    const through = within("/proc/bus");
    const said = complaint(runtime(["run", "--bundle", nested(), uniqueId()], { through, env }));
    assert.match(
      said,
      /config\.json: mounts\[\d+\] \(proc on \/proc\): fsmount: EPERM .* covered: \/proc\/bus;/,
    );
    assert.not.match(said, "namespaces of its own");
    for (const advice of ADVICE) assert.ok(said.includes(advice), said);
  },
);

testTsrun("check --bundle finds the same, and nothing else", () => {
  const through = within("/proc/bus");
  const { stdout, status } = runtime(["check", "--json", "--bundle", nested()], { through, env });
  const { obstacles } = JSON.parse(stdout);
  assert.is(status, 1);
  assert.equal(
    obstacles.map(({ path }: { path: string }) => path),
    ["mounts[0]"],
  );
  assert.match(obstacles[0].why, "covered: /proc/bus;");
  assert.ok(ADVICE.every((advice) => obstacles[0].why.includes(advice)));
});

testTsrun("a sysfs that it would let see too much is the one around, read-only, with a warning", () => {
  const through = within("/sys/kernel");
  const log = join(freshDirectory("log"), "log");
  const args = ["sh", "-c", "ls -d /sys/class; touch /sys/x 2>/dev/null || echo read-only"];
  const call = { through, env, global: ["--log", log] };
  const { stdout, stderr } = runtime(["run", "--bundle", nested({ args }), uniqueId()], call);
  assert.equal([stdout, stderr], ["/sys/class\nread-only\n", ""]);
  const told = readFileSync(log, "utf8");
  assert.match(
    told,
    /level=warning .*mounts\[1\] \(sysfs on \/sys\): is \/sys of the container around tsrun/,
  );
  assert.match(told, "covered: /sys/kernel;");
});

testTsrun("check --bundle calls a sysfs that can be had so an obstacle of none", () => {
  const through = within("/sys/kernel");
  const { stdout } = runtime(["check", "--json", "--bundle", nested()], { through, env });
  assert.equal(JSON.parse(stdout).obstacles, []);
});

testTsrun("ids that the container around has not are refused by check --bundle as by run", () => {
  const through = within("/proc/sys/fs");
  const mappings = [{ containerID: 0, hostID: 5, size: 1 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: ID };
  const { path } = bundle({ linux });
  assert.match(
    complaint(runtime(["run", "--bundle", path, uniqueId()], { through, env })),
    "linux.uidMappings",
  );
  const { stdout } = runtime(["check", "--json", "--bundle", path], { through, env });
  const places = JSON.parse(stdout).obstacles.map(({ path: place }: { path: string }) => place);
  assert.ok(places.includes("linux.uidMappings"), stdout);
});

leavesNothing();
test.run();
