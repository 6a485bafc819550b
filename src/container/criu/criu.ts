/** What `checkpoint` and `restore` have in common. Loaded for these two alone. */
import type { Config } from "../../../runtime-spec/config.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_RDONLY } from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { makeDirectories, statusIfThere } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import type { Opened } from "../../kernel/opened.ts";
import { UserError } from "../../kernel/user-error.ts";
import { complaintOf } from "../../linux/criu/complaint.ts";
import { CRIU_CONFIG_ANNOTATION, type CriuOptions, type Response } from "../../linux/criu/messages.ts";
import { ask, type Request } from "../../linux/criu/service.ts";
import type { CriuProcess } from "./criu-process.ts";

/** Where the images and the log are, as absolute paths. */
export interface ImagePlaces {
  readonly images: string;
  /** Undefined: beside the images. */
  readonly work: string | undefined;
}

/** What a caller may ask criu for, in either direction. */
export type CommonOptions = Pick<
  CriuOptions,
  | "tcpEstablished"
  | "extUnixSk"
  | "shellJob"
  | "linkRemap"
  | "lazyPages"
  | "fileLocks"
  | "manageCgroupsMode"
  | "emptyNamespaces"
  | "autoDedup"
>;

/** Beside the images: what the standard streams of the container's process were, in runc's format. */
export const DESCRIPTORS_FILE = "descriptors.json";

/** Beside the images: the mounts of a container to which others were added, or which has lost some. */
export const MOUNTS_FILE = "mounts.json";

/** criu's most detailed log level. */
const LOG_LEVEL = 4;

/** The administrator's settings for criu with tsrun's containers; they take precedence over ours. */
const CONFIG_FILE = "/etc/criu/tsrun.conf";

/**
 * The options that every request has. criu opens the directories through /proc/PID/fd of tsrun, which has to have them
 * open until criu ends. @throws UserError
 */
export function requestOptions(places: ImagePlaces, config: Config, opened: Opened): CriuOptions {
  return {
    imagesDirectory: openDirectory(places.images, opened),
    workDirectory: places.work === undefined ? undefined : openDirectory(places.work, opened),
    logLevel: LOG_LEVEL,
    manageCgroups: true,
    notifyScripts: true,
    orphanPtsMaster: true,
    configFile: configFile(config),
  };
}

function configFile({ annotations }: Config): string | undefined {
  const own = annotations?.[CRIU_CONFIG_ANNOTATION];
  if (own !== undefined) return own === "" ? undefined : own;
  return statusIfThere(CONFIG_FILE) === null ? undefined : CONFIG_FILE;
}

function openDirectory(path: string, opened: Opened): number {
  const fd = attempt(openat(CWD, path, O_RDONLY | O_DIRECTORY));
  if (fd < 0) throw new UserError(`cannot open ${path}: ${errnoWords(-fd)}`);
  opened.defer(() => here(close(fd)));
  return fd;
}

/** Makes the directories that criu writes to. */
export function makeImageDirectories({ images, work }: ImagePlaces): void {
  for (const path of [images, ...(work === undefined ? [] : [work])]) makeDirectories(path, 0o700);
}

/** Asks criu, and waits for its end. @throws UserError with criu's reason when it can't */
export async function askCriu(
  criu: CriuProcess,
  request: Request,
  places: ImagePlaces,
  what: string,
): Promise<Response> {
  const response = await ask(criu, request);
  const printed = await criu.end();
  const log = `${places.work ?? places.images}/${request.options?.logFile ?? ""}`;
  const complaint = complaintOf({ response, printed }, log);
  if (complaint !== undefined || response === null)
    throw new UserError(`cannot ${what}: ${complaint ?? "criu said nothing"}`);
  return response;
}
