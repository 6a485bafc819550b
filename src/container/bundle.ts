import type { Config, Process } from "../../runtime-spec/config.ts";
import { formatJson, parseJson } from "../../runtime-spec/json.ts";
import { lineOf, type Problem, validateConfig } from "../../runtime-spec/validate.ts";
import type { Caller } from "../agent/caller.ts";
import { SyscallError } from "../kernel/call.ts";
import { S_IFDIR, S_IFMT } from "../kernel/constants.ts";
import { ERRNO, errnoWords } from "../kernel/errno.ts";
import { readText, statusIfThere } from "../kernel/files.ts";
import { fail, UserError } from "../kernel/user-error.ts";
import { resourceNotes } from "../linux/cgroups/resources.ts";
import { statusAt } from "../linux/named-path.ts";
import { isAbsolute, join } from "../linux/paths.ts";
import { fromCaller } from "./caller/caller.ts";
import { annotationDoubts } from "./own-annotations.ts";

/** A bundle as read and checked: nothing has been made yet. */
export interface Bundle {
  /** Absolute path of the bundle. */
  readonly path: string;
  readonly config: Config;
  readonly process: Process;
  /** Absolute path of the rootfs on the host. */
  readonly rootfs: string;
  /** config.json, with which later commands read what this one has: as it was read, or as it was understood. */
  readonly text: string;
  /** Warnings about it. */
  readonly doubts: readonly Problem[];
}

/** Reads a bundle whose rootfs is there. Throws UserError with all that is wrong with it. */
export function readBundle(directory: string, caller: Pick<Caller, "proc">): Bundle {
  const bundle = bundleIn(directory, caller);
  requireRootfs(bundle);
  return bundle;
}

/** The same, without a look at the rootfs. @throws UserError */
export function bundleIn(directory: string, caller: Pick<Caller, "proc">): Bundle {
  const path = fromCaller(caller, directory);
  const text = readConfigText(path);
  const found = validateConfig(parseJson(text, "config.json"));
  const problems = linesOf(found.problems);
  if (problems.length > 0) throw new UserError(problems);
  const rootfs = rootfsOf(path, found.config);
  const config = withPlacesInside(found.config, rootfs);
  const ignored = resourceNotes(config.linux?.resources ?? {});
  const unknown = annotationDoubts(config.annotations);
  const process = config.process ?? fail("process", "is missing: there is nothing to run");
  return {
    path,
    config,
    process,
    rootfs,
    text: found.changed || config !== found.config ? formatJson(config) : text,
    doubts: [
      ...found.warnings,
      ...ignored.map(({ where, message }) => ({ path: where, message })),
      ...unknown,
    ],
  };
}

/** The doubts as lines. */
export function warningsOf({ doubts }: Bundle): readonly string[] {
  return linesOf(doubts);
}

function linesOf(problems: readonly Problem[]): readonly string[] {
  const lines: string[] = [];
  for (const problem of problems) lines.push(lineOf("config.json", problem));
  return lines;
}

/** Says why a bundle, an absolute path, has no config.json that can be read. @throws UserError */
export const requireConfig = (bundle: string): void => void readConfigText(bundle);

function readConfigText(bundle: string): string {
  try {
    return readText(`${bundle}/config.json`);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new UserError(whyUnread(bundle, error.errno));
  }
}

/** Why a bundle's config.json can't be read. */
function whyUnread(bundle: string, errno: number): string {
  const why = errnoWords(errno);
  if (errno === ERRNO.ENOENT && statusIfThere(bundle) === null)
    return `bundle ${bundle} does not exist: ${why}`;
  if (errno === ERRNO.ENOENT)
    return `bundle ${bundle} has no config.json: ${why}; \`tsrun spec\` makes one, \`tsrun unpack\` makes one from an image, and --bundle names another directory`;
  const isFile = errno === ERRNO.ENOTDIR && statusIfThere(bundle) !== null;
  return isFile
    ? `bundle ${bundle} is a file: name the directory that config.json is in`
    : `cannot read ${bundle}/config.json: ${why}`;
}

function rootfsOf(bundle: string, config: Config): string {
  const path =
    config.root?.path ?? fail("root.path", "is missing: name the directory of the container's rootfs");
  return isAbsolute(path) ? join(path) : join(bundle, path);
}

/** Some write what a mount's place in the rootfs is on the host: runc takes it for that place, too. */
function withPlacesInside(config: Config, rootfs: string): Config {
  const onHost = (destination: string) => destination.startsWith(`${rootfs}/`);
  if (!config.mounts?.some(({ destination }) => onHost(destination))) return config;
  const mounts = config.mounts.map((mount) =>
    onHost(mount.destination) ? { ...mount, destination: mount.destination.slice(rootfs.length) } : mount,
  );
  return { ...config, mounts };
}

/** @throws UserError when the rootfs is not there, or no directory */
export function requireRootfs({ rootfs, config }: Bundle): void {
  // With a joined mount namespace the path is resolved there, not here.
  if (config.linux?.namespaces?.some(({ type, path }) => type === "mount" && path !== undefined)) return;
  const status = statusAt("root.path", rootfs);
  if (status === null)
    fail(
      "root.path",
      `rootfs ${rootfs} does not exist: ${errnoWords(ERRNO.ENOENT)}; it is to hold the container's files: \`tsrun unpack\` makes a bundle with them from an image`,
    );
  if ((status.mode & S_IFMT) !== S_IFDIR) fail("root.path", `rootfs ${rootfs} is not a directory`);
}
