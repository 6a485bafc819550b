// Runs beside other files.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type JsonObject, namespaces } from "../../harness/bundle.ts";
import { inside, ran, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint } from "../../harness/runtime.ts";

/** Sysctls of network, IPC and UTS namespaces, in the spellings that sysctl(8) takes, and their files. */
const SYSCTLS = [
  ["net.ipv4.ip_forward", "1", "net/ipv4/ip_forward"],
  ["net.ipv4.ip_unprivileged_port_start", "80", "net/ipv4/ip_unprivileged_port_start"],
  ["net/ipv4/conf/lo/forwarding", "1", "net/ipv4/conf/lo/forwarding"],
  ["kernel.msgmax", "4242", "kernel/msgmax"],
  ["kernel.shm_rmid_forced", "1", "kernel/shm_rmid_forced"],
  ["fs.mqueue.msg_max", "17", "fs/mqueue/msg_max"],
  ["kernel.domainname", "staff.example", "kernel/domainname"],
] as const;

const read = (file: string) => readFileSync(`/proc/sys/${file}`, "utf8").trim();

for (const [name, value, file] of SYSCTLS) {
  test(`sysctl ${name} is the container's, and the host keeps its own`, () => {
    const before = read(file);
    const linux = { sysctl: { [name]: value } };
    assert.is(inside(["cat", `/proc/sys/${file}`], { linux }), `${value}\n`);
    assert.is(read(file), before);
  });
}

test("sysctls are written in a user namespace and below a read-only /proc/sys, too", () => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = {
    namespaces: namespaces({ user: true }),
    uidMappings: mapping,
    gidMappings: mapping,
    sysctl: { "net.ipv4.ip_forward": "1" },
  };
  assert.is(inside(["cat", "/proc/sys/net/ipv4/ip_forward"], { linux }), "1\n");
});

testTsrun("a sysctl of a user namespace is the container's own, and the host keeps its own", () => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = {
    namespaces: namespaces({ user: true }),
    uidMappings: mapping,
    gidMappings: mapping,
    sysctl: { "user.max_net_namespaces": "7" },
  };
  const before = read("user/max_net_namespaces");
  assert.is(inside(["cat", "/proc/sys/user/max_net_namespaces"], { linux }), "7\n");
  assert.is(read("user/max_net_namespaces"), before);
});

testTsrun("hostname and domainname may stand beside sysctls that say the same", () => {
  const linux = { sysctl: { "kernel.hostname": "box", "kernel.domainname": "staff" } };
  const script = ["cat", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"];
  assert.is(inside(script, { hostname: "box", domainname: "staff", linux }), "box\nstaff\n");
});

test("a sysctl of a namespace that is joined is set for all its members", () => {
  using sandbox = started({ args: ["sleep", "60"] });
  const linux: JsonObject = {
    namespaces: namespaces({ network: `/proc/${sandbox.pid()}/ns/net` }),
    sysctl: { "net.ipv4.ip_forward": "1" },
  };
  inside(["true"], { linux });
  assert.is(sandbox.exec("cat", "/proc/sys/net/ipv4/ip_forward").stdout, "1\n");
});

for (const [name, changes] of [
  ["net.ipv4.ip_forward", { network: false }],
  ["kernel.msgmax", { ipc: false }],
  ["kernel.domainname", { uts: false }],
  ["user.max_net_namespaces", {}],
  ["vm.overcommit_memory", {}],
  ["kernel.core_pattern", {}],
] as const) {
  test(`sysctl ${name} is refused where it would change the host`, () => {
    const patch = {
      hostname: undefined,
      linux: { namespaces: namespaces(changes), sysctl: { [name]: "1" } },
    };
    complaint(ran(patch));
  });
}

for (const [name, kind, file] of [
  ["net.ipv4.ip_forward", "network", "net"],
  ["kernel.msgmax", "ipc", "ipc"],
  ["kernel.domainname", "uts", "uts"],
  ["user.max_net_namespaces", "user", "user"],
] as const) {
  testTsrun(`sysctl ${name} is refused where the ${kind} namespace that is joined is the host's`, () => {
    const patch = {
      hostname: undefined,
      linux: { namespaces: namespaces({ [kind]: `/proc/self/ns/${file}` }), sysctl: { [name]: "1" } },
    };
    const said = complaint(ran(patch, { through: ["unshare", "--net", "--ipc", "--uts"] }));
    assert.match(
      said,
      new RegExp(`linux\\.sysctl.*would change the host: .* the host's own ${kind} namespace`),
    );
  });
}

leavesNothing();
test.run();
