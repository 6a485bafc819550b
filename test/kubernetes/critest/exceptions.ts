/** critest's tests that can't pass here, and why. Each reason names whose that is; none is a runtime's. */
import type { Version } from "../../callers/containerd.ts";
import { cgroup2Controllers } from "../../harness/cgroups.ts";

/** A test that can't pass. */
export interface Exception {
  readonly test: string;
  readonly reason: string;
  /** Whether it passes now and then, as it is a race. */
  readonly sometimes: boolean;
}

interface Group {
  readonly reason: string;
  /** Both when it isn't said. */
  readonly version?: Version;
  /** Whether this machine is such. */
  readonly here?: boolean;
  readonly sometimes?: boolean;
  /** What their names begin with. */
  readonly of: string;
  readonly tests: readonly string[];
}

const BLOCKING = "should enforce a apparmor_profile blocking writes";
const UNLOADED = "should fail with an unloaded apparmor_profile";
const PERMISSIVE = "should enforce a permissive deprecated profile";
const VOLUME = "Image Volume [Feature:ImageVolume]";
const METRICS = "PodSandbox runtime should support metrics operations";
const NRI = "NRI";
const POD_USERS = "Security Context UserNamespaces when Host idmap mount support is needed";
const NO_POD_USERS = "Security Context UserNamespaces when Host idmap mount support is not needed";

const USER_NAMESPACES: readonly Pick<Group, "of" | "tests">[] = [
  { of: POD_USERS, tests: ["runtime should support NamespaceMode_POD"] },
  {
    of: NO_POD_USERS,
    tests: [
      "runtime should support NamespaceMode_NODE",
      "runtime should fail if more than one mapping provided",
      "runtime should fail if container ID 0 is not mapped",
      "runtime should fail with NamespaceMode_CONTAINER",
      "runtime should fail with NamespaceMode_TARGET",
    ],
  },
];

const NO_APPARMOR = "the machine has no AppArmor, or containerd is configured to do without it";
const NO_MEMORY = "needs cgroup controller memory";
const OTHER_IMAGE = "an image is asked for by its digest, and only its own registry has it";

const GROUPS: readonly Group[] = [
  ...(
    [
      ["support deprecated apparmor_profile field", [UNLOADED, BLOCKING, PERMISSIVE]],
      ["support apparmor field", [UNLOADED, BLOCKING, PERMISSIVE]],
      ["prefer new apparmor field", [UNLOADED, BLOCKING, "should work with apparmor profile"]],
    ] as const
  ).map(([field, tests]) => ({ of: `AppArmor runtime should ${field}`, tests, reason: NO_APPARMOR })),
  {
    of: "Image Manager",
    tests: ["public image with digest should be pulled and removed [Conformance]"],
    reason: OTHER_IMAGE,
  },
  {
    here: !cgroup2Controllers().has("memory"),
    of: "Container OOM runtime should output OOMKilled reason",
    tests: ["should terminate with exitCode 137 and reason OOMKilled"],
    reason: NO_MEMORY,
  },
  {
    version: 1,
    of: "Idempotence",
    tests: [
      "StopContainer should not return an error if not found",
      "StopPodSandbox should not return an error if not found",
    ],
    reason: "containerd 1.6 answers that there is none, as the CRI did in its time",
  },
  {
    version: 1,
    of: "Container Mount Readonly runtime should support readonly mounts",
    tests: [
      "should support recursive readonly mounts",
      "should reject a recursive readonly mount with ReadOnly: false",
      "should reject a recursive readonly mount with PROPAGATION_HOST_TO_CONTAINER",
      "should reject a recursive readonly mount with PROPAGATION_BIDIRECTIONAL",
    ],
    reason: "containerd 1.6 knows no recursive read-only mounts",
  },
  {
    version: 1,
    of: VOLUME,
    tests: [
      "should correctly mount image and enforce read-only",
      "should reject Image Volume with Readonly set to false",
      "should return image digest in ContainerStatus mounts",
      "subPath should fail when subPath does not exist in the image",
      "subPath should succeed when using a valid subPath",
    ],
    reason: "containerd 1.6 knows no volumes out of images",
  },
  {
    version: 1,
    of: "Image Identifier Consistency should return the same image identifier",
    tests: ["across all APIs [Conformance]", "when pulled from different registries [Conformance]"],
    reason: "containerd 1.6 doesn't tell a container's image_id",
  },
  {
    version: 1,
    of: METRICS,
    tests: [
      "runtime should support listing pod sandbox metrics [Conformance]",
      "runtime should support returning metrics descriptors [Conformance]",
    ],
    reason: "containerd 1.6 has no metrics in the CRI",
  },
  {
    version: 1,
    of: "Security Context SupplementalGroupsPolicy when",
    tests: [
      "SupplementalGroupsPolicy=Merge (Default) if the container's primary UID belongs to some groups in the image, runtime should add SupplementalGroups to them",
      "SupplementalGroupsPolicy=Strict even if the container's primary UID belongs to some groups in the image, runtime should not add SupplementalGroups to them",
    ],
    reason: "containerd 1.6 knows no SupplementalGroupsPolicy",
  },
  ...USER_NAMESPACES.map((group) => ({
    ...group,
    version: 1 as const,
    reason: "containerd 1.6 doesn't tell the CRI's callers of user namespaces",
  })),
  {
    version: 1,
    of: NRI,
    tests: [
      ...[
        "should fail CreateContainer when the NRI hook errors, leak nothing, and allow retry",
        "should not expose container while CreateContainer hook is in progress",
      ].map((test) => `CreateContainer contract ${test}`),
      ...[
        "should fail RunPodSandbox and clean up when the NRI hook errors, then allow retry",
        "should not expose sandbox while RunPodSandbox hook is in progress",
        "should not start workload containers until RunPodSandbox hook completes",
      ].map((test) => `RunPodSandbox contract ${test}`),
      ...[
        "should handle StopPodSandbox idempotently and never reuse sandbox",
        "should stop all workload containers and keep sandbox accessible while StopPodSandbox hook is in progress",
      ].map((test) => `StopPodSandbox contract ${test}`),
      "container lifecycle (failed container) should receive CreateContainer, StartContainer, StopContainer, and RemoveContainer for a container that exits with a non-zero code",
      "container lifecycle should receive CreateContainer, StartContainer, StopContainer, and RemoveContainer in strict order with correct metadata",
      "pod sandbox lifecycle should receive RunPodSandbox, StopPodSandbox, and RemovePodSandbox in strict order with correct metadata",
      ...[
        "should receive a callback for container created during the Synchronize call",
        "should receive information about all containers without the race condition during initialization",
        "should synchronize a newly connected plugin with existing pods and containers",
      ].map((test) => `plugin synchronization ${test}`),
    ],
    reason: "containerd 1.6 has no NRI",
  },
  {
    version: 2,
    of: VOLUME,
    tests: ["should return image digest in ContainerStatus mounts"],
    reason: "containerd 2.4 doesn't tell the digest of a volume's image",
  },
  {
    version: 2,
    here: !cgroup2Controllers().has("memory"),
    of: METRICS,
    tests: ["runtime should support listing pod sandbox metrics [Conformance]"],
    reason: NO_MEMORY,
  },
  {
    version: 2,
    sometimes: true,
    of: NRI,
    tests: [
      "plugin synchronization should receive a callback for container created during the Synchronize call",
      "plugin synchronization should receive information about all containers without the race condition during initialization",
    ],
    reason:
      "containerd forgets to tell a plugin of a container that is created while the plugin is told of all",
  },
];

/** Those on this version of containerd, whatever the runtime is. */
export function exceptions(version: Version): readonly Exception[] {
  return GROUPS.filter((group) => (group.version ?? version) === version && (group.here ?? true)).flatMap(
    ({ of, tests, reason, sometimes = false }) =>
      tests.map((test) => ({ test: `[k8s.io] ${of} ${test}`, reason, sometimes })),
  );
}
