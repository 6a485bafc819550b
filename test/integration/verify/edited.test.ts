// Runs beside other files.
// A config.json that has changed since its container was made.
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { type ConfigText, edit, inProcess, MAPPING, RICH, SLEEP, verified } from "./verified.ts";

/** What a config.json says that its container was not made with. */
const EDITS: readonly (readonly [
  what: string,
  change: (config: ConfigText) => JsonObject,
  told: readonly string[],
])[] = [
  [
    "capabilities",
    inProcess({ capabilities: capabilities(["CAP_NET_RAW"], { ambient: true }) }),
    ["bounding", "permitted", "effective", "inheritable", "ambient"].map(
      (set) => `process.capabilities.${set}: has CAP_CHOWN besides`,
    ),
  ],
  ["no_new_privs", inProcess({ noNewPrivileges: true }), ["process.noNewPrivileges: false"]],
  [
    "users and groups",
    inProcess({ user: { uid: 3, gid: 4, additionalGids: [5] } }),
    ["process.user.uid: 1000", "process.user.gid: 1000", "process.user.additionalGids: 5, 60"],
  ],
  [
    "limits",
    inProcess({ rlimits: [{ type: "RLIMIT_NOFILE", soft: 10, hard: 100 }] }),
    ["process.rlimits[0]: RLIMIT_NOFILE soft 512, hard 1024"],
  ],
  [
    "a profile of AppArmor",
    inProcess({ apparmorProfile: "no-such-profile" }),
    [`process.apparmorProfile: ${profile()}`],
  ],
  [
    "a seccomp filter",
    inLinux({ seccomp: { defaultAction: "SCMP_ACT_ALLOW" } }),
    ["linux.seccomp: no filter"],
  ],
  [
    "namespaces",
    inLinux({ namespaces: namespaces({ network: false, cgroup: true, ipc: "/proc/self/ns/ipc" }) }),
    ["linux.namespaces: network namespace: its own", "linux.namespaces[4]: cgroup namespace: the host's"],
  ],
  [
    "id mappings",
    inLinux({ namespaces: namespaces({ user: true }), uidMappings: MAPPING, gidMappings: MAPPING }),
    ["linux.namespaces[5]: user namespace: the host's", "linux.uidMappings: 0 0 4294967295"],
  ],
  [
    "a sysctl that isn't there",
    inLinux({ sysctl: { "net.no_such": "1" } }),
    ['linux.sysctl["net.no_such"]: no such sysctl'],
  ],
  [
    "mounts",
    (config) => ({ ...config, mounts: [...config.mounts, { destination: "/none", type: "tmpfs" }] }),
    ["mounts[6]: nothing is at /none"],
  ],
];

function inLinux(change: JsonObject): (config: ConfigText) => JsonObject {
  return (config) => ({ ...config, linux: { ...config.linux, ...change } });
}

/** The profile that a process has here without asking for one. */
function profile(): string {
  const [file] = ["/proc/self/attr/apparmor/current", "/proc/self/attr/current"].filter((path) =>
    existsSync(path),
  );
  try {
    return file === undefined ? "none" : readFileSync(file, "utf8").trim();
  } catch {
    return "none"; // no module answers
  }
}

/** Without a filter or no_new_privs, so that these can be lacking. */
const PLAIN: Patch = { ...SLEEP, process: { ...(RICH["process"] as JsonObject), noNewPrivileges: false } }; // as it is above

for (const [what, change, told] of EDITS)
  testTsrun(`what a config.json says that its container was not made with is told: ${what}`, () => {
    using box = started(PLAIN);
    edit(box.bundle, change);
    const { differs, outcome } = verified(box.id);
    for (const line of told) assert.ok(differs.includes(line), `${line}\nnot in\n${differs.join("\n")}`);
    assert.is(outcome.status, 1);
  });

const DENY_ALL = { allow: false, access: "rwm" };

testTsrun("which devices may be used is told, from what the kernel runs", () => {
  const [fuse, disks] = [
    { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
    { allow: true, type: "b", major: 8, access: "r" },
  ];
  using box = started({ ...SLEEP, linux: { resources: { devices: [DENY_ALL, fuse] } } });
  assert.equal(verified(box.id).differs, []);
  edit(box.bundle, inLinux({ resources: { devices: [DENY_ALL, disks] } }));
  const { differs, outcome } = verified(box.id);
  assert.is(differs.length, 2, differs.join("\n"));
  assert.match(differs[0] ?? "", /^linux\.resources\.devices: b 8:\*, b 8:\d+, .* and \d+ more: m$/);
  assert.is(differs[1], "linux.resources.devices: c 10:229: mrw");
  assert.is(outcome.status, 1);
});

testTsrun("a container that may use every device, and should not, is told", () => {
  using box = started({ ...SLEEP, linux: { resources: { devices: [{ allow: true, access: "rwm" }] } } });
  assert.equal(verified(box.id).differs, []);
  edit(box.bundle, inLinux({ resources: { devices: [DENY_ALL] } }));
  assert.equal(verified(box.id).differs, [
    "linux.resources.devices: every device is allowed: no device program",
  ]);
});

leavesNothing();
test.run();
