// Runs beside other files.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { ran, ranIn, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";

const VETH = "ip link add eth7 type veth peer name peer";
const hasVeth = spawnSync("unshare", ["--net", "sh", "-c", VETH]).status === 0;
const testVeth = testIf(hasVeth, "needs iproute2 and a kernel with veth");

/** A host of its own: a network namespace with eth7, one end of a veth pair, which has addresses and is up. */
const HOST = [
  VETH,
  "ip addr add 10.1.2.3/24 dev eth7",
  "ip addr add 169.254.1.1/16 scope link dev eth7",
  "ip -6 addr add fd00::7/64 dev eth7 nodad",
  "ip link set eth7 up",
  "ip link set peer up",
].join(" && ");

/** The runtime is called on that host; `after` runs there when it has ended. */
function onHost(after = "true"): readonly string[] {
  return [
    "unshare",
    "--net",
    "sh",
    "-c",
    `{ ${HOST}; } && { "$@"; status=$?; ${after}; exit $status; }`,
    "sh",
  ];
}

function wanting(netDevices: JsonObject, more: Patch = {}): Patch {
  return { args: ["sh", "-c", "ip -o addr; ip -o link"], linux: { netDevices }, ...more };
}

testVeth("an interface of the host is the container's, up and with its global addresses", () => {
  const { stdout } = succeeded(ran(wanting({ eth7: {} }), { through: onHost() }));
  assert.match(stdout, /eth7 .*inet 10\.1\.2\.3\/24 .*scope global/);
  assert.match(stdout, /eth7 .*inet6 fd00::7\/64 scope global/);
  assert.not.match(stdout, /169\.254/);
  assert.match(stdout, /eth7@\w+: <[^>]*\bUP\b/);
});

testVeth("it gets the name that the config gives it, and the host has it no more", () => {
  const outcome = ran(wanting({ eth7: { name: "net0" } }), {
    through: onHost("ip -o link | sed s/^/host:/"),
  });
  const { stdout } = succeeded(outcome);
  assert.match(stdout, /net0 .*inet 10\.1\.2\.3\/24/);
  assert.not.match(stdout, /^(?!host:).*eth7/m);
  assert.not.match(stdout, /^host:.*eth7/m);
});

testVeth("in a user namespace, and in a joined network namespace of the host, too", () => {
  const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const patch = wanting({}, { linux: { ...linux, netDevices: { eth7: { name: "net0" } } } });
  assert.match(succeeded(ran(patch, { through: onHost() })).stdout, /net0 .*inet 10\.1\.2\.3\/24/);
  using sandbox = started({ args: ["sleep", "60"] });
  const joined = namespaces({ user: true, network: `/proc/${sandbox.pid()}/ns/net` });
  const netDevices = { eth7: { name: "net1" } };
  const inPod = wanting({}, { linux: { ...linux, namespaces: joined, netDevices } });
  assert.match(succeeded(ran(inPod, { through: onHost() })).stdout, /net1 .*inet 10\.1\.2\.3\/24/);
});

testVeth(
  "a joined network namespace that is the host's own is refused, and the interface stays as it is",
  () => {
    const joined = namespaces({ network: "/proc/self/ns/net" });
    const patch = wanting({}, { linux: { namespaces: joined, netDevices: { eth7: { name: "net0" } } } });
    const outcome = ran(patch, { through: onHost("ip -o link show eth7") });
    assert.match(outcome.stderr, /linux\.netDevices\["eth7"\]: would change the host/);
    assert.match(outcome.stdout, /eth7@\w+: <[^>]*\bUP\b/);
  },
);

testVeth("createRuntime hooks find it in the container already", () => {
  const made = bundle({ args: ["true"], linux: { netDevices: { eth7: { name: "net0" } } } });
  const script = join(made.path, "hook");
  const text = `pid=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/'); nsenter --net=/proc/$pid/ns/net ip -o link >${made.path}/seen`;
  writeFileSync(script, text);
  const hooks = {
    createRuntime: [{ path: "/bin/sh", args: ["sh", script], env: ["PATH=/usr/bin:/bin:/usr/sbin"] }],
  };
  writeFileSync(join(made.path, "config.json"), JSON.stringify({ ...made.config, hooks }));
  succeeded(ranIn(made.path, { through: onHost() }));
  const seen = spawnSync("cat", [`${made.path}/seen`], { encoding: "utf8" }).stdout;
  assert.match(seen, /net0/);
});

testVeth("a creation that fails afterwards gives it back, up, with its name and its addresses", async () => {
  const left = watchLeaks();
  const patch = wanting({ eth7: { name: "net0" } }, { args: ["/not/there"] });
  const outcome = ran(patch, { through: onHost("ip -o addr show eth7; ip -o link show eth7") });
  assert.is.not(outcome.status, 0);
  assert.match(outcome.stderr, /\/not\/there/);
  assert.match(outcome.stdout, /inet 10\.1\.2\.3\/24/);
  assert.match(outcome.stdout, /inet6 fd00::7\/64/);
  assert.match(outcome.stdout, /eth7@\w+: <[^>]*\bUP\b/);
  await left("of a failed creation");
});

testVeth("a name that the container has already is refused, and the interface stays where it is", () => {
  const outcome = ran(wanting({ eth7: { name: "lo" } }), { through: onHost("ip -o link show eth7") });
  assert.match(complaint(outcome), /linux\.netDevices\["eth7"\]: .* has an interface lo already/);
  assert.match(outcome.stdout, /eth7@\w+: <[^>]*\bUP\b/);
});

testTsrun("an interface that is not there is refused by its name, and nothing is left", async () => {
  const left = watchLeaks();
  const said = complaint(ran(wanting({ "not-there": {} })));
  assert.match(said, /linux\.netDevices\["not-there"\]: there is no network interface not-there on the host/);
  await left("of a refused container");
});

testTsrun("an interface without a network namespace to move to is refused", () => {
  const patch = wanting(
    { lo: {} },
    { linux: { namespaces: namespaces({ network: false }), netDevices: { lo: {} } } },
  );
  assert.match(complaint(ran(patch)), /linux\.netDevices: needs a .*network namespace|netDevices/);
});

testVeth("the kernel's own loopback cannot move", () => {
  const outcome = ran(wanting({ lo: { name: "net0" } }), { through: onHost() });
  assert.match(complaint(outcome), /linux\.netDevices\["lo"\]: cannot move .*netlink: EINVAL/);
});

for (const state of ["up", "down"])
  testVeth(`one that cannot move is ${state} afterwards, as before`, () => {
    const through = onHost("ip -o link show lo");
    const host = through.map((part) => part.replace("ip link set peer up", `ip link set lo ${state}`));
    const outcome = ran(wanting({ lo: { name: "net0" } }), { through: host });
    assert.match(complaint(outcome), /linux\.netDevices\["lo"\]: cannot move/);
    assert.is(/lo: <[^>]*\bUP\b/.test(outcome.stdout), state === "up", outcome.stdout);
  });

for (const state of ["up", "down"])
  testVeth(`one that has moved before another cannot is given back ${state}, as it was`, () => {
    const through = onHost("ip -o link show eth7; ip -o addr show eth7");
    const host = through.map((part) => part.replace("ip link set peer up", `ip link set eth7 ${state}`));
    const outcome = ran(wanting({ eth7: { name: "net0" }, lo: { name: "net1" } }), { through: host });
    assert.match(complaint(outcome), /linux\.netDevices\["lo"\]: cannot move/);
    assert.is(/eth7@\w+: <[^>]*\bUP\b/.test(outcome.stdout), state === "up", outcome.stdout);
    assert.match(outcome.stdout, /inet 10\.1\.2\.3\/24/);
  });

leavesNothing();
test.run();
