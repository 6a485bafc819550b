import type { Config } from "../../runtime-spec/config.ts";
import { CWD, close, fchmod, geteuid, mkdirat, openat, umask, unlinkat } from "../kernel/calls.ts";
import { AT_EMPTY_PATH, AT_REMOVEDIR, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../kernel/constants.ts";
import { ERRNO, errnoWords } from "../kernel/errno.ts";
import { replaceFile, status } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { namesOfDirectory } from "../kernel/list-directory.ts";
import { Opened } from "../kernel/opened.ts";
import { isInternal, linesOf, UserError } from "../kernel/user-error.ts";
import { bundleConfig, isObeyed, type Mappings } from "./bundle-config.ts";
import { type Choice, chooseImage, type Image, type Layer, openFile } from "./choose.ts";
import { short } from "./digests.ts";
import type { ImageFiles } from "./files/image-files.ts";
import { openImage } from "./files/open-image.ts";
import { userOf } from "./image-user.ts";
import { LayerStream, type Meter } from "./layer-stream.ts";
import { Layers } from "./layers/apply-layer.ts";
import { Losses } from "./layers/losses.ts";
import { remove } from "./layers/remove-tree.ts";
import { RootTree } from "./layers/root-tree.ts";
import { ByteStream } from "./tar/byte-stream.ts";

export interface UnpackOptions extends Choice {
  /** Absolute, or "-" for what comes from `stdin`. */
  readonly image: string;
  readonly stdin: number;
  /** Absolute. */
  readonly bundle: string;
  /** The most that all layers together may unpack to, in bytes. */
  readonly maxSize: number;
  /** The ids of the user namespace that this is in, for an ordinary user's container; else null. */
  readonly mappings: Mappings | null;
  /** Changes the config.json that the image asks for. */
  readonly place: (config: Config) => Config;
  readonly progress: Progress;
  /** Whether the user wants it to end. */
  readonly isCancelled: () => boolean;
  readonly warn: (message: string) => void;
}

/** Is told how far it is. Sizes are those of the layers' files, in bytes. */
export interface Progress {
  begin(layers: number, bytes: number): void;
  layer(number: number): void;
  read(bytes: number): void;
  end(): void;
}

/** The user has ended it (SIGINT, SIGTERM). */
class Cancelled extends UserError {}

/** @throws UserError; then nothing is left of the bundle */
export async function unpack(options: UnpackOptions): Promise<void> {
  using opened = new Opened();
  const { image: path, stdin, bundle } = options;
  await about(path === "-" ? "standard input" : path, async () => {
    const directory = bundle.slice(0, bundle.lastIndexOf("/")) || "/";
    const told = meterOf(options).unpacked;
    const files = opened.use(await openImage({ image: path, stdin, directory, told }));
    const image = await chooseImage(files, options);
    await makeBundle(options, files, image);
  });
}

/** Names `place` before what goes wrong. */
async function about<T>(place: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isInternal(error) || error instanceof BundleError || error instanceof Cancelled) throw error;
    throw new UserError(linesOf(error).map((line) => `${place}: ${line}`));
  }
}

/** What is wrong with the bundle's directory, not with the image. */
class BundleError extends UserError {}

const ROOTFS = "rootfs";
const CONFIG = "config.json";

async function makeBundle(options: UnpackOptions, files: ImageFiles, image: Image): Promise<void> {
  here(umask(0)); // modes are the image's
  const { fd: bundle, before } = openBundle(options.bundle);
  try {
    here(mkdirat(bundle, ROOTFS, 0o755));
    await fill(bundle, options, files, image);
  } catch (error) {
    for (const name of [ROOTFS, CONFIG, `${CONFIG}.new`]) remove(bundle, name);
    if (before === null) attempt(unlinkat(CWD, options.bundle, AT_REMOVEDIR));
    else attempt(fchmod(bundle, before));
    throw error;
  } finally {
    here(close(bundle));
  }
}

const OWNERS_ALONE = 0o700;

/** Makes the bundle's directory, or takes an empty one, which had the mode `before`. @throws BundleError */
function openBundle(path: string): { readonly fd: number; readonly before: number | null } {
  const made = attempt(mkdirat(CWD, path, OWNERS_ALONE));
  if (made < 0 && made !== -ERRNO.EEXIST) throw new BundleError(path, `cannot be made: ${errnoWords(-made)}`);
  const fd = attempt(openat(CWD, path, O_RDONLY | O_DIRECTORY | (made < 0 ? 0 : O_NOFOLLOW)));
  if (fd < 0) throw new BundleError(path, `is there, and no directory to unpack into: ${errnoWords(-fd)}`);
  const before = made < 0 ? status("", AT_EMPTY_PATH, fd).mode & 0o7777 : null;
  try {
    takeAlone(path, fd);
    return { fd, before };
  } catch (error) {
    here(close(fd));
    throw error;
  }
}

/** Lets nobody else enter a directory in which there is nothing. @throws BundleError */
function takeAlone(path: string, fd: number): void {
  const { mode, uid } = status("", AT_EMPTY_PATH, fd);
  if (uid !== here(geteuid()))
    throw new BundleError(
      path,
      `belongs to another user (${uid}), who could change what is unpacked: name a directory that isn't there yet`,
    );
  refuseFull(path, fd);
  here(fchmod(fd, OWNERS_ALONE));
  try {
    refuseFull(path, fd); // who could enter has been quicker
  } catch (error) {
    here(fchmod(fd, mode & 0o7777));
    throw error;
  }
}

function refuseFull(path: string, fd: number): void {
  if (namesOfDirectory(fd).length > 0)
    throw new BundleError(path, "is not empty: name a directory that isn't there yet");
}

async function fill(bundle: number, options: UnpackOptions, files: ImageFiles, image: Image): Promise<void> {
  const { mappings, place, warn } = options;
  const rootfs = here(openat(bundle, ROOTFS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  using opened = new Opened();
  opened.defer(() => void here(close(rootfs)));
  const tree = opened.use(new RootTree(rootfs));
  const losses = new Losses();
  const onlyOwn = mappings !== null && isOnlyOwn(mappings);
  const meter = meterOf(options);
  const layers = new Layers({ tree, owners: { onlyOwn, losses }, takes: meter.unpacked });
  await applyAll(layers, { progress: options.progress, meter }, files, image.layers);
  layers.finish();
  const user = userOf(image.config.config?.User, tree);
  const config = place(bundleConfig(image.config, onlyOwn ? { uid: 0, gid: 0 } : user, mappings));
  replaceFile(CONFIG, `${JSON.stringify(config, null, "\t")}\n`, 0o644, bundle);
  for (const line of losses.lines()) warn(line);
  warnOfLabels(image, warn);
}

const MOST_LABELS = 20;
const LONGEST_LABEL = 100;

function warnOfLabels({ config }: Image, warn: (message: string) => void): void {
  const labels = Object.keys(config.config?.Labels ?? {}).filter(isObeyed);
  if (labels.length === 0) return;
  const first = labels.slice(0, MOST_LABELS).map((label) => JSON.stringify(label.slice(0, LONGEST_LABEL)));
  const more = labels.length > MOST_LABELS ? ` and ${labels.length - MOST_LABELS} more` : "";
  warn(`labels that runtimes would obey as annotations are left out: ${first.join(", ")}${more}`);
}

const isOnlyOwn = ({ uidMappings: [first, ...more] }: Mappings) => more.length === 0 && first?.size === 1;

async function applyAll(
  target: Layers,
  { progress, meter }: { readonly progress: Progress; readonly meter: Meter },
  files: ImageFiles,
  layers: readonly Layer[],
): Promise<void> {
  progress.begin(layers.length, sizeOf(files, layers));
  try {
    for (const [index, layer] of layers.entries()) {
      progress.layer(index + 1);
      await about(
        `layer ${index + 1} of ${layers.length} (${short(layer.digest ?? layer.diffId)})`,
        async () => {
          using file = openFile(files, layer.path, layer.size);
          using source = new LayerStream(layer, file, meter);
          const stream = new ByteStream(source);
          await target.apply(stream);
          await stream.drain(); // its digest is that of all that is there
          source.check();
        },
      );
    }
  } finally {
    progress.end();
  }
}

function sizeOf(files: ImageFiles, layers: readonly Layer[]): number {
  let sum = 0;
  for (const { path } of layers) {
    using file = files.open(path);
    sum += file?.size ?? 0;
  }
  return sum;
}

function meterOf({ maxSize, progress, isCancelled }: UnpackOptions): Meter {
  let left = maxSize;
  return {
    read: (bytes) => progress.read(bytes),
    unpacked(bytes) {
      if (isCancelled()) throw new Cancelled("was ended, and nothing is left of the bundle");
      left -= bytes;
      if (left < 0)
        throw new UserError(
          `unpacks to more than ${maxSize} bytes: if you trust the image, allow more with --max-size`,
        );
    },
  };
}
