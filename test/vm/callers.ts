/** What a guest needs besides, in which real callers call tsrun: these, and what their tests are made of. */
import type { Owned } from "./userland.ts";

/** Whether a test file, relative to the project, is one of theirs. */
export function isOfCallers(file: string): boolean {
  return file.startsWith("test/callers/");
}

/** Parts of the project. */
export const CALLERS_PARTS = [
  ...["docs", "rootfs", "build/rootfs/pause.tar"],
  ...["@grpc", "@js-sdsl", "@protobufjs", "protobufjs", "long", "lodash.camelcase", "yargs", "y18n"],
  ...["cliui", "escalade", "get-caller-file", "require-directory", "string-width", "yargs-parser"],
  ...["ansi-regex", "ansi-styles", "color-convert", "color-name", "emoji-regex", "is-fullwidth-code-point"],
  ...["strip-ansi", "wrap-ansi", "tar", "@isaacs", "chownr", "minipass", "minizlib", "yallist"],
].map((name) => (/^(docs|rootfs|build)/.test(name) ? name : `node_modules/${name}`));

/** What a test file of theirs needs in its guest. */
export interface CallersNeeds {
  readonly programs: readonly Owned[];
  /** Files that stay where they are on this machine. */
  readonly files: readonly Owned[];
  readonly modules: readonly string[];
}

export const CONTAINERD: readonly Owned[] = ["containerd", "containerd-shim-runc-v2", "ctr"].map((name) => [
  name,
  "containerd",
]);

const PODMAN: CallersNeeds = {
  programs: [
    ["podman", "podman"],
    ["conmon", "conmon"],
  ],
  files: [["/etc/containers/policy.json", "golang-github-containers-common"]],
  modules: [],
};

/** The test files that have guests: those of what few machines let callers do. */
const NEEDS: ReadonlyMap<string, CallersNeeds> = new Map([
  [
    "test/callers/limits.test.ts",
    {
      programs: CONTAINERD,
      files: ["bridge", "host-local", "loopback"].map(
        (name) => [`/usr/lib/cni/${name}`, "containernetworking-plugins"] as const,
      ),
      modules: ["bridge"],
    },
  ],
  ["test/callers/podman-limits.test.ts", PODMAN],
  ["test/callers/podman-checkpoint.test.ts", PODMAN],
  [
    "test/callers/docker-limits.test.ts",
    {
      programs: [
        ...CONTAINERD,
        ["dockerd", "docker.io"],
        ["docker", "docker.io"],
        // dockerd wants it, and does not call it here.
        ["runc", "runc"],
      ],
      files: [],
      modules: [],
    },
  ],
]);

/** Whether a test file can run in a guest although it is of callers. */
export function hasGuest(file: string): boolean {
  return NEEDS.has(file);
}

/** What the guest of these test files needs for callers; null when none of them is theirs. */
export function callersNeeds(files: readonly string[]): CallersNeeds | null {
  const needs = files.flatMap((file) => NEEDS.get(file) ?? []);
  if (needs.length === 0) return null;
  const all = <T>(part: (one: CallersNeeds) => readonly T[]) => [...new Set(needs.flatMap(part))];
  return {
    programs: all((one) => one.programs),
    files: all((one) => one.files),
    modules: all((one) => one.modules),
  };
}
