/** Policies of Landlock: what they mean, what a kernel can do of them, and the steps of a process. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Program } from "../../../src/agent/program.ts";
import { spell } from "../../../src/kernel/spell/spell.ts";
import { fitted, type Kernel, requireAll } from "../../../src/linux/landlock/fit.ts";
import { landlockFor } from "../../../src/linux/landlock/landlock.ts";
import { readPolicy } from "../../../src/linux/landlock/policy.ts";
import { namesOf, rightsOf } from "../../../src/linux/landlock/rights.ts";
import { loadedByMaking } from "../../harness/imported.ts";

const read = (policy: object) => readPolicy(JSON.stringify(policy));
const kernel = (abi: number): Kernel => ({ abi, has: () => false });
const PLACE = 'config.json: annotations["org.tsrun.landlock"]';
const PROCESS = { args: ["true"], cwd: "/", noNewPrivileges: true };

test("the groups of an ABI are landlockconfig's", () => {
  const group = (abi: number, name: string) =>
    namesOf("fs", read({ abi, ruleset: [{ handledAccessFs: [name] }] }).handled.fs).join(" ");
  assert.is(group(1, "abi.read_execute"), "execute read_file read_dir");
  assert.is(group(2, "abi.read_execute"), "execute read_file read_dir refer");
  const first =
    "write_file read_file read_dir remove_dir remove_file make_char make_dir make_reg make_sock make_fifo make_block make_sym";
  assert.is(group(1, "abi.read_write"), first);
  assert.is(group(5, "abi.read_write"), `${first} refer truncate ioctl_dev`);
  assert.is(group(1, "abi.all"), `execute ${first}`);
});

test("what rules give is handled, and numbers are the kernel's bits", () => {
  const { handled, paths, ports } = read({
    ruleset: [{ handledAccessFs: ["execute"] }, { scoped: [3] }],
    pathBeneath: [{ allowedAccess: ["read_dir", 2], parent: ["/a", "/b"] }],
    netPort: [{ allowedAccess: ["bind_tcp"], port: [80, 443] }],
  });
  assert.equal(handled, { fs: 0b1011n, net: 1n, scoped: 3n });
  assert.equal(paths, [
    { path: "/a", rights: 0b1010n, place: "pathBeneath[0].parent[0]" },
    { path: "/b", rights: 0b1010n, place: "pathBeneath[0].parent[1]" },
  ]);
  assert.equal(ports[1], { port: 443, rights: 1n, place: "netPort[0].port[1]" });
});

/** The paths of a policy with these variables. */
const expanded = (parent: string, variable: readonly object[]) =>
  read({ variable, pathBeneath: [{ allowedAccess: ["execute"], parent: [parent] }] }).paths.map(
    ({ path }) => path,
  );

test("a variable stands for each of its literals", () => {
  const variables = [
    { name: "a", literal: ["x", "y"] },
    { name: "b", literal: ["1"] },
    { name: "b", literal: ["2"] },
  ];
  /* biome-ignore-start lint/suspicious/noTemplateCurlyInString: variables of the policy */
  assert.equal(expanded("/${a}/${b}", variables), ["/x/1", "/x/2", "/y/1", "/y/2"]);
  assert.equal(expanded("/$${a}$", variables), ["/${a}$"]);
  const place = `${PLACE}.pathBeneath[0].parent[0]`;
  for (const [parent, said] of [
    ["/${c}", 'the policy has no variable "c"'],
    ["/${a", "${a is not closed: } is missing"],
    ["${a}", 'must be absolute, found "x"'],
    ["/${a}".repeat(30), "its variables expand to more than 1000 paths"],
  ] as const)
    assert.throws(
      () => expanded(parent, variables),
      (error: Error) => error.message === `${place}: ${said}`,
    );
  /* biome-ignore-end lint/suspicious/noTemplateCurlyInString: variables of the policy */
});

test("a policy has no more paths, and no longer ones, than a process can take", () => {
  const given = (parent: readonly string[]) =>
    read({
      variable: [{ name: "a", literal: ["x".repeat(2000)] }],
      pathBeneath: [{ allowedAccess: ["execute"], parent }],
    });
  assert.is(given(Array(10_000).fill("/")).paths.length, 10_000);
  for (const [parent, said] of [
    [Array(10_001).fill("/"), "parent[10000]: exceeds the 10000 paths that a policy may have"],
    [[`/${"x".repeat(4095)}`], "parent[0]: must be shorter than 4096, found "],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of the policy
    [["/${a}${a}${a}"], "parent[0]: must be shorter than 4096"],
  ] as const)
    assert.throws(
      () => given(parent),
      (error: Error) => error.message.startsWith(`${PLACE}.pathBeneath[0].${said}`),
    );
});

const NEWEST = {
  abi: 6,
  ruleset: [
    { handledAccessFs: ["abi.all"], handledAccessNet: ["abi.all"], scoped: ["abi.all"] },
    { handledAccessFs: [2 ** 20] },
  ],
  pathBeneath: [{ allowedAccess: ["truncate"], parent: ["/a"] }],
};

test("a kernel's ABI leaves out what came later, and says so by place", () => {
  for (const [abi, fs, net, scoped] of [
    [0, 0n, 0n, 0n],
    [1, rightsOf("fs", 1), 0n, 0n],
    [2, rightsOf("fs", 2), 0n, 0n],
    [4, rightsOf("fs", 3), 3n, 0n],
    [6, rightsOf("fs", 5), 3n, 3n],
    [9, rightsOf("fs", 5), 3n, 3n],
  ] as const)
    assert.equal(fitted(read(NEWEST), kernel(abi)).policy.handled, { fs, net, scoped });
  const { policy, notes } = fitted(read(NEWEST), kernel(2));
  assert.is(policy.paths[0]?.rights, 0n);
  assert.equal(notes, [
    `${PLACE}.ruleset[0].handledAccessFs: left out: truncate needs ABI 3 (Linux 6.2), ioctl_dev needs ABI 5 (Linux 6.10): this kernel's is ABI 2`,
    `${PLACE}.ruleset[0].handledAccessNet: left out: bind_tcp needs ABI 4 (Linux 6.7), connect_tcp needs ABI 4 (Linux 6.7): this kernel's is ABI 2`,
    `${PLACE}.ruleset[0].scoped: left out: abstract_unix_socket needs ABI 6 (Linux 6.12), signal needs ABI 6 (Linux 6.12): this kernel's is ABI 2`,
    `${PLACE}.ruleset[1].handledAccessFs: left out: 0x100000 needs another ABI: this kernel's is ABI 2`,
    `${PLACE}.pathBeneath[0].allowedAccess: left out: truncate needs ABI 3 (Linux 6.2): this kernel's is ABI 2`,
  ]);
});

test("a bit that has no name yet stays where the kernel takes it", () => {
  const asked: bigint[] = [];
  const has = (_: string, bit: bigint) => asked.push(bit) > 0;
  assert.is(fitted(read(NEWEST), { abi: 9, has }).policy.handled.fs, rightsOf("fs", 6) | (1n << 20n));
  assert.ok(asked.every((bit) => bit === 1n << 20n));
});

test("a strict policy is refused for all that the kernel lacks", () => {
  assert.throws(
    () => requireAll(read(NEWEST), kernel(5)),
    (error: Error) =>
      error.message ===
      [
        `${PLACE}.ruleset[0].scoped: abstract_unix_socket needs ABI 6 (Linux 6.12), signal needs ABI 6 (Linux 6.12): this kernel's is ABI 5`,
        `${PLACE}.ruleset[1].handledAccessFs: 0x100000 needs another ABI: this kernel's is ABI 5`,
      ].join("\n"),
  );
  requireAll(read({ ruleset: [{ handledAccessFs: ["truncate"] }] }), kernel(3));
});

/** The steps of a policy, on a kernel of this ABI. */
function steps(policy: object, abi: number): readonly string[] {
  const program = new Program();
  const how = { preservedFds: 2, joins: false };
  landlockFor(JSON.stringify(policy), undefined, PROCESS, how, kernel(abi)).make(program)();
  return program.steps.map(({ call }) => spell(call));
}

test("the ruleset is made of descriptors whose numbers are known, and put in force by one call", () => {
  const policy = {
    pathBeneath: [{ allowedAccess: ["read_file", "read_dir", "truncate"], parent: ["/a//b/../c"] }],
    netPort: [{ allowedAccess: ["bind_tcp"], port: [80] }],
  };
  assert.equal(steps(policy, 3), [
    "landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_TRUNCATE|LANDLOCK_ACCESS_FS_READ_DIR|LANDLOCK_ACCESS_FS_READ_FILE}, 24, 0)",
    'openat(AT_FDCWD, "/", O_PATH|O_CLOEXEC|O_DIRECTORY)',
    'openat2($1, "/a/c", {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS})',
    "dup3($2, 8, O_CLOEXEC)",
    "close($2)",
    "landlock_add_rule($0, LANDLOCK_RULE_PATH_BENEATH, {allowed_access=LANDLOCK_ACCESS_FS_TRUNCATE|LANDLOCK_ACCESS_FS_READ_DIR|LANDLOCK_ACCESS_FS_READ_FILE, parent_fd=8}, 0)",
    "landlock_add_rule($0, LANDLOCK_RULE_PATH_BENEATH, {allowed_access=LANDLOCK_ACCESS_FS_TRUNCATE|LANDLOCK_ACCESS_FS_READ_FILE, parent_fd=8}, 0)",
    "close(8)",
    "close($1)",
    "landlock_restrict_self($0, 0)",
    "close($0)",
  ]);
  assert.equal(steps({ netPort: policy.netPort }, 3), []);
  assert.ok(
    steps(policy, 4).includes(
      "landlock_add_rule($0, LANDLOCK_RULE_NET_PORT, {allowed_access=LANDLOCK_ACCESS_NET_BIND_TCP, port=80}, 0)",
    ),
  );
});

test("nothing of it is loaded by a command whose container has no annotation", () => {
  const loaded = loadedByMaking();
  assert.ok(loaded.includes("src/container/create.ts"));
  assert.equal(
    loaded.filter((file) => file.includes("landlock")),
    ["src/linux/landlock/annotation.ts", "src/linux/landlock/confinement.ts"],
  );
});

test.run();
