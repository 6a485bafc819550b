/** Random configs that are safe to run, whatever in them is wrong: nothing that they ask for is the host's. */
import fc from "fast-check";
import type { JsonObject } from "../harness/bundle.ts";
import { aConfig } from "./arbitrary.ts";

/** What a random config may not choose: what it would run, share with the host, or leave where no test looks. */
const FIXED_TOP = ["hooks", "mounts", "root"] as const;
const FIXED_LINUX = ["cgroupsPath", "intelRdt", "netDevices", "namespaces", "resources"] as const;

/**
 * A config of random parts over `base`, which tells the rootfs, mounts and namespaces. `wrong` of 100 values are of
 * another kind than they should be.
 */
export function aSafeConfig(base: JsonObject, wrong: number): fc.Arbitrary<JsonObject> {
  return aConfig(wrong).map((random) => tamed(base, Object(random)));
}

function tamed(base: JsonObject, random: JsonObject): JsonObject {
  const { process, linux } = random;
  return {
    ...base,
    ...without(random, FIXED_TOP),
    process: isObject(process)
      ? { ...Object(base["process"]), ...process, args: ["true"], terminal: false }
      : (base["process"] ?? null),
    linux: isObject(linux)
      ? { ...Object(base["linux"]), ...without(linux, FIXED_LINUX) }
      : (base["linux"] ?? null),
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** Of a property's values, mostly none. */
function sometimes(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values });
}

/** A right value, and now and then a wrong one. */
function mostly<T>(right: readonly T[], wrong: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...right) },
    { weight: 1, arbitrary: fc.constantFrom(...wrong) },
  );
}

const some = (...words: readonly string[]) => fc.subarray([...words]);
const aPath = fc.constantFrom(
  "/proc/keys",
  "/proc/sys",
  "/sys/firmware",
  "/etc/passwd",
  "/not/there",
  "/bin",
  "/tmp",
);
const capabilities = some("CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_NONE");
const identity = fc.constantFrom(0, 1, 1000, 65534, 4294967294);

/** Mounts as images and volumes have them; `source` is a directory that may be written. */
function aMount(source: string): fc.Arbitrary<unknown> {
  const destination = mostly(
    ["/mnt", "/tmp", "/a/b/c", "/etc/../mnt", "mnt", "/srv"],
    ["/proc/x", "/", ".."],
  );
  const options = some(
    "ro",
    "noexec",
    "nosuid",
    "rro",
    "rslave",
    "unbindable",
    "noatime",
    "size=64k",
    "nonsense",
  );
  return fc.oneof(
    fc.record({
      destination,
      options,
      type: mostly(["tmpfs", "proc", "sysfs"], ["mqueue", "nofs", "cgroup"]),
    }),
    fc.record({
      destination,
      options: options.map((more) => ["rbind", ...more]),
      source: mostly([source], [`${source}/not/there`]),
    }),
  );
}

const NAMESPACES = [
  ["pid", "network", "ipc", "uts", "cgroup", "time"],
  ["pid", "network", "ipc", "uts"],
  ["network", "uts", "ipc"],
] as const;

function namespaces(types: readonly string[]) {
  return ["mount", ...types].map((type) => ({ type }));
}

const OTHERS = [
  ...["/proc/self/ns/net", "/etc/passwd", "/not/there", "/proc/self/ns/uts"].map((path) => [
    { type: "mount" },
    { type: "network", path },
  ]),
  namespaces([]),
];

/** A patch of the default config of which each property may well be applied, and which is often refused all the same. */
export function aLikelyPatch(volume: string): fc.Arbitrary<JsonObject> {
  const aLimit = mostly(["RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_NPROC"], ["RLIMIT_AS", "RLIMIT_STACK"]);
  const aLimitValue = mostly([256, 1024], [0, 7]);
  return fc.record({
    hostname: sometimes(fc.constantFrom("box", "x".repeat(64), "a b")),
    domainname: sometimes(fc.constantFrom("example", "")),
    annotations: sometimes(
      fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), { maxKeys: 2 }),
    ),
    root: fc.record({ path: fc.constant("rootfs"), readonly: fc.boolean() }),
    mounts: sometimes(fc.array(aMount(volume), { maxLength: 4 })),
    process: fc.record({
      args: mostly(
        [["true"], ["false"], ["/bin/true"], ["sh", "-c", "exit 3"]],
        [["nope"], ["/etc"], ["/proc/self/exe"]],
      ),
      cwd: mostly(["/", "/tmp", "/not/there/yet"], ["/proc/self/fd/7", "/etc/passwd"]),
      env: sometimes(mostly([["PATH=/bin"], ["HOME=/", "HOME=/tmp", "PATH=/bin"]], [[], ["PATH=relative"]])),
      user: sometimes(fc.record({ uid: identity, gid: identity, umask: fc.constantFrom(0, 0o77, 0o777) })),
      capabilities: sometimes(
        fc.record({
          bounding: capabilities,
          effective: capabilities,
          permitted: capabilities,
          ambient: capabilities,
        }),
      ),
      rlimits: sometimes(
        fc
          .record({ type: aLimit, most: aLimitValue })
          .map(({ type, most }) => [{ type, soft: most, hard: most }]),
      ),
      noNewPrivileges: sometimes(fc.boolean()),
      oomScoreAdj: sometimes(mostly([500, 1000], [-1000])),
      scheduler: sometimes(
        fc.record({
          policy: fc.constantFrom("SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE"),
          nice: fc.constantFrom(0, 5, 19),
        }),
      ),
      ioPriority: sometimes(
        fc.record({
          class: fc.constantFrom("IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"),
          priority: fc.integer({ min: 0, max: 7 }),
        }),
      ),
    }),
    linux: fc.record({
      namespaces: mostly(NAMESPACES.map(namespaces), OTHERS),
      maskedPaths: sometimes(fc.array(aPath, { maxLength: 4 })),
      readonlyPaths: sometimes(fc.array(aPath, { maxLength: 4 })),
      rootfsPropagation: sometimes(fc.constantFrom("private", "slave", "unbindable", "rslave")),
      devices: sometimes(
        fc.array(
          fc.record({
            type: fc.constantFrom("c", "p"),
            path: mostly(["/dev/x", "/x/y/z"], ["/dev/null", "/etc/passwd", "/proc/x", "/dev"]),
            major: fc.constant(1),
            minor: fc.constantFrom(3, 5),
            fileMode: fc.constantFrom(0, 0o600, 0o666),
          }),
          { maxLength: 2 },
        ),
      ),
      sysctl: sometimes(
        mostly<JsonObject>(
          [{ "net.ipv4.ip_forward": "1" }, { "kernel.msgmax": "4242", "fs.mqueue.msg_max": "7" }],
          [{ "net.nope": "1" }, { "kernel.msgmax": "x" }],
        ),
      ),
      personality: sometimes(fc.constant({ domain: "LINUX" })),
      timeOffsets: sometimes(fc.constant({ boottime: { secs: 7 } })),
      seccomp: sometimes(
        fc.record({
          defaultAction: mostly(["SCMP_ACT_ALLOW"], ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"]),
          syscalls: fc.array(
            fc.record({
              names: some("mkdir", "chroot", "read", "nope").filter((names) => names.length > 0),
              action: fc.constantFrom("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "SCMP_ACT_KILL"),
            }),
            { maxLength: 2 },
          ),
        }),
      ),
    }),
  }) as fc.Arbitrary<JsonObject>; // its parts are JSON, or undefined for what is left out
}
