/** What a guest needs besides, in which real callers call tsrun: containerd and what its tests are made of. */

/** Whether a test file, relative to the project, is one of theirs. */
export function isOfCallers(file: string): boolean {
  return file.startsWith("test/callers/");
}

/** Parts of the project. */
export const CALLERS_PARTS = [
  ...["docs", "rootfs", "build/rootfs/busybox.tar", "build/rootfs/pause.tar"],
  ...["@grpc", "@js-sdsl", "@protobufjs", "protobufjs", "long", "lodash.camelcase", "yargs", "y18n"],
  ...["cliui", "escalade", "get-caller-file", "require-directory", "string-width", "yargs-parser"],
  ...["ansi-regex", "ansi-styles", "color-convert", "color-name", "emoji-regex", "is-fullwidth-code-point"],
  ...["strip-ansi", "wrap-ansi", "tar", "@isaacs", "chownr", "minipass", "minizlib", "yallist"],
].map((name) => (/^(docs|rootfs|build)/.test(name) ? name : `node_modules/${name}`));

/** Programs, and the packages that have them. */
export const CALLERS_PROGRAMS = [
  ["containerd", "containerd"],
  ["containerd-shim-runc-v2", "containerd"],
  ["ctr", "containerd"],
] as const;

/** Files that stay where they are on this machine, and the package that has them. */
export const CALLERS_FILES = [
  ["/usr/lib/cni/bridge", "containernetworking-plugins"],
  ["/usr/lib/cni/host-local", "containernetworking-plugins"],
  ["/usr/lib/cni/loopback", "containernetworking-plugins"],
] as const;

export const CALLERS_MODULES = ["bridge"] as const;
