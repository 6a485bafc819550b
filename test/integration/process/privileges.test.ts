// Runs beside other files.
// Users, groups, the umask, capabilities, no_new_privs.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities } from "../../harness/bundle.ts";
import { inside } from "../../harness/container.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { statusInside } from "./status-inside.ts";

// User and groups

test("the user, group and additional groups are config.json's", () => {
  const seen = statusInside({ user: { uid: 1000, gid: 1001, additionalGids: [33, 44, 1001] } });
  assert.is(seen.get("Uid"), "1000\t1000\t1000\t1000");
  assert.is(seen.get("Gid"), "1001\t1001\t1001\t1001");
  assert.is(seen.get("Groups"), "33 44 1001");
});

test("without additional groups there are none, whatever the caller has", () => {
  const through = ["setpriv", "--groups", "50,60", "--"];
  assert.is(statusInside({}, { through }).get("Groups"), "");
});

test("the umask is config.json's", () => {
  assert.is(statusInside({ user: { uid: 0, gid: 0, umask: 0o027 } }).get("Umask"), "0027");
});

test("without one the umask is 0022, whatever the caller's", () => {
  const through = ["sh", "-c", 'umask 0; exec "$@"', "sh"];
  assert.is(statusInside({}, { through }).get("Umask"), "0022");
});

// Capabilities: bit n of /proc/PID/status is capability n, linux/capability.h

const bits = (...numbers: number[]) =>
  numbers
    .reduce((sum, number) => sum | (1n << BigInt(number)), 0n)
    .toString(16)
    .padStart(16, "0");

const [CAP_CHOWN, CAP_KILL, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_BPF] = [0, 5, 10, 18, 39];

test("each capability set is its own", () => {
  const seen = statusInside({
    noNewPrivileges: false,
    capabilities: {
      bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"],
      permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      inheritable: ["CAP_KILL", "CAP_NET_BIND_SERVICE"],
      effective: ["CAP_CHOWN"],
      ambient: ["CAP_NET_BIND_SERVICE"],
    },
    user: { uid: 1000, gid: 1000 },
  });
  assert.is(seen.get("CapBnd"), bits(CAP_CHOWN, CAP_KILL, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT));
  assert.is(seen.get("CapInh"), bits(CAP_KILL, CAP_NET_BIND_SERVICE));
  assert.is(seen.get("CapAmb"), bits(CAP_NET_BIND_SERVICE));
  // execve(2) of a plain file by a user other than root: permitted and effective become the ambient set
  assert.is(seen.get("CapPrm"), bits(CAP_NET_BIND_SERVICE));
  assert.is(seen.get("CapEff"), bits(CAP_NET_BIND_SERVICE));
});

test("an ambient capability that is not permitted and inheritable is no error, and not there", () => {
  const seen = statusInside({
    capabilities: { ...capabilities(["CAP_CHOWN"]), ambient: ["CAP_CHOWN", "CAP_KILL"] },
    user: { uid: 1000, gid: 1000 },
  });
  for (const set of ["CapAmb", "CapPrm", "CapEff"]) assert.is(seen.get(set), bits(), set);
});

test("root has what the bounding set leaves", () => {
  const seen = statusInside({ capabilities: capabilities(["CAP_CHOWN", "CAP_BPF"]) });
  for (const set of ["CapBnd", "CapPrm", "CapEff"]) assert.is(seen.get(set), bits(CAP_CHOWN, CAP_BPF), set);
  for (const set of ["CapInh", "CapAmb"]) assert.is(seen.get(set), bits(), set);
});

test("a user other than root has no capability without the ambient set", () => {
  const seen = statusInside({
    capabilities: capabilities(["CAP_CHOWN"]),
    user: { uid: 1000, gid: 1000 },
  });
  assert.is(seen.get("CapEff"), bits());
  assert.is(seen.get("CapPrm"), bits());
  assert.is(seen.get("CapBnd"), bits(CAP_CHOWN));
});

test("without capabilities there are none", () => {
  const seen = statusInside({ capabilities: undefined });
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.is(seen.get(set), bits(), set);
});

test("an empty list of each takes all away", () => {
  const seen = statusInside({ capabilities: capabilities([], { ambient: true }) });
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.is(seen.get(set), bits(), set);
});

for (const uid of [0, 1000])
  test(`the ambient set of the caller does not reach user ${uid}, who may inherit what is in it`, () => {
    const one = ["CAP_CHOWN"];
    const process = {
      user: { uid, gid: uid },
      capabilities: { bounding: one, permitted: one, effective: one, inheritable: one },
    };
    const through = ["setpriv", "--inh-caps=+chown", "--ambient-caps=+chown"];
    const seen = inside(["grep", "CapAmb", "/proc/self/status"], { process }, { through });
    assert.is(seen, `CapAmb:\t${bits()}\n`);
  });

for (const noNewPrivileges of [true, false]) {
  test(`noNewPrivileges: ${noNewPrivileges} is what the program finds`, () => {
    assert.is(statusInside({ noNewPrivileges }).get("NoNewPrivs"), noNewPrivileges ? "1" : "0");
  });
}

test("noNewPrivileges of the caller can't be taken back", () => {
  const through = ["setpriv", "--no-new-privs"];
  assert.is(statusInside({ noNewPrivileges: false }, { through }).get("NoNewPrivs"), "1");
});

test("without noNewPrivileges there is no such limit", () => {
  assert.is(statusInside({ noNewPrivileges: undefined }).get("NoNewPrivs"), "0");
});

leavesNothing();
test.run();
