/** Which image of those in an index or an archive is unpacked, and what it is made of. */

import type { Schema } from "../../runtime-spec/schema.ts";
import { UserError } from "../kernel/user-error.ts";
import { blobPath, type Digest, Digester, short } from "./digests.ts";
import { type Descriptor, ImageConfig, Index, Layout, Manifest, readDocument, Saved } from "./documents.ts";
import { FileSource, type ImageFile, type ImageFiles } from "./files/image-files.ts";
import { isUsual, platformName, suits, type Wanted } from "./platform.ts";

export interface Layer {
  /** Its file's path in the image. */
  readonly path: string;
  /** Of the file; null where the image doesn't tell. */
  readonly digest: Digest | null;
  readonly size: number | null;
  /** Of the archive in the file, when it isn't compressed any more. */
  readonly diffId: Digest;
}

export interface Image {
  readonly config: ImageConfig;
  /** The lowest first. */
  readonly layers: readonly Layer[];
}

export interface Choice {
  readonly tag: string | undefined;
  readonly platform: Wanted;
  /** Whether the caller has named the platform. */
  readonly named: boolean;
}

/** Larger documents are none; registries take 4 MiB. */
const MOST_DOCUMENT = 16 << 20;

/** Finds the image. @throws UserError when there is none, or more than one */
export async function chooseImage(files: ImageFiles, choice: Choice): Promise<Image> {
  const index = await readIfThere(files, "index.json", Index);
  const image =
    index === null ? await ofSaved(files, choice) : await ofLayout(files, index.manifests, choice);
  const { architecture, os, variant } = image.config;
  const own = { ...(os && { os }), ...(architecture && { architecture }), ...(variant && { variant }) };
  if (!suits(own, choice.platform))
    throw new UserError(
      `is for ${platformName(own)}, not ${platformName(choice.platform)}${choice.named ? "" : `: --platform ${platformName(own)} unpacks it all the same`}`,
    );
  return image;
}

// OCI image layouts (image-layout.md)

async function ofLayout(files: ImageFiles, entries: readonly Descriptor[], choice: Choice): Promise<Image> {
  const layout = await readIfThere(files, "oci-layout", Layout);
  if (layout !== null && !layout.imageLayoutVersion.startsWith("1."))
    throw new UserError("oci-layout", `is of version ${layout.imageLayoutVersion}; tsrun knows 1.0.0`);
  const tagged = entries.filter((entry) => isTagged(namesOf(entry), choice.tag));
  if (tagged.length === 0) throw none(choice, entries.flatMap(namesOf));
  const manifest = await manifestOf(files, tagged, choice);
  const { config, layers } = await readBlob(files, manifest, Manifest);
  if (!isConfig(config))
    throw new UserError(`is not a container image: its config has the type ${config.mediaType}`);
  return withLayers(
    await readBlob(files, config, ImageConfig),
    (diffId, at) => {
      const { digest, size } = layers[at] ?? { digest: null, size: null };
      return digest === null ? null : { path: blobPath(digest), digest, size, diffId };
    },
    layers.length,
  );
}

const NAMES = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

function namesOf({ annotations = {} }: Descriptor): readonly string[] {
  return NAMES.map((name) => annotations[name] ?? "").filter((name) => name !== "");
}

/** A tag may be all of a name, or what is behind its last colon. */
function isTagged(names: readonly string[], tag: string | undefined): boolean {
  return tag === undefined || names.some((name) => name === tag || name.endsWith(`:${tag}`));
}

function none({ tag }: Choice, names: readonly string[]): UserError {
  if (tag === undefined) return new UserError("has no image in its index");
  return new UserError(`has no image with the tag ${tag}${names.length > 0 ? `, but ${list(names)}` : ""}`);
}

/** Indexes in indexes. */
const MOST_INDEXES = 16;

/** The one manifest for the platform among these, and among those of the indexes that are among them. */
async function manifestOf(
  files: ImageFiles,
  entries: readonly Descriptor[],
  choice: Choice,
): Promise<Descriptor> {
  const found: Descriptor[] = [];
  const others: Descriptor[] = [];
  let indexes = 0;
  const search = async (some: readonly Descriptor[]): Promise<void> => {
    for (const entry of some) {
      if (isIndex(entry)) {
        indexes += 1;
        if (indexes > MOST_INDEXES) throw new UserError(`has more than ${MOST_INDEXES} indexes`);
        await search((await readBlob(files, entry, Index)).manifests);
      } else (suits(entry.platform ?? {}, choice.platform) ? found : others).push(entry);
    }
  };
  await search(entries);
  const digests = new Set(found.map(({ digest }) => digest));
  const [first] = found;
  if (first === undefined) {
    const platforms = others.map(({ platform = {} }) => platformName(platform));
    throw new UserError(
      `has no image for ${platformName(choice.platform)}, but for ${list(platforms.filter((name) => !name.startsWith("unknown/")))}: --platform chooses one`,
    );
  }
  if (digests.size === 1) return first;
  const names = new Set(found.flatMap(namesOf));
  const usual = found.filter(({ platform = {} }) => isUsual(platform, choice.platform));
  if (names.size < 2 && usual.length > 0 && found.every(({ platform }) => platform !== undefined))
    return usual[0] ?? first;
  throw new UserError(`has ${digests.size} images, ${list([...names])}: choose one with --tag`);
}

const isIndex = ({ mediaType = "" }: Descriptor) =>
  /(image\.index|manifest\.list)\.v\d\+json$/.test(mediaType);
const isConfig = ({ mediaType = "" }: Descriptor) =>
  mediaType === "" || /(image\.config|container\.image)\.v\d\+json$/.test(mediaType);

function list(names: readonly string[]): string {
  const unique = [...new Set(names)];
  return unique.length === 0 ? "none that has a name" : unique.join(", ");
}

// Archives of `docker save`

async function ofSaved(files: ImageFiles, choice: Choice): Promise<Image> {
  const saved = await readIfThere(files, "manifest.json", Saved);
  if (saved === null)
    throw new UserError(
      "is no image: it has neither an index.json (OCI image layout) nor a manifest.json (docker save)",
    );
  const [image, ...more] = saved.filter(({ RepoTags = [] }) => isTagged(RepoTags, choice.tag));
  const names = saved.flatMap(({ RepoTags = [] }) => RepoTags);
  if (image === undefined) throw none(choice, names);
  if (more.length > 0)
    throw new UserError(`has ${more.length + 1} images, ${list(names)}: choose one with --tag`);
  const { Config, Layers } = image;
  const [, hash] = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(Config) ?? [];
  const digest = hash === undefined ? null : `sha256:${hash}`;
  const config = readDocument(ImageConfig, await textOf(files, Config, digest, null), Config);
  return withLayers(
    config,
    (diffId, at) => {
      const path = Layers[at];
      return path === undefined ? null : { path, digest: null, size: null, diffId };
    },
    Layers.length,
  );
}

// Files

function withLayers(
  config: ImageConfig,
  layer: (diffId: Digest, at: number) => Layer | null,
  count: number,
): Image {
  const { diff_ids } = config.rootfs;
  if (diff_ids.length !== count)
    throw new UserError(`has ${count} layers in its manifest, and ${diff_ids.length} in its config`);
  return { config, layers: diff_ids.map(layer).filter((one) => one !== null) };
}

async function readIfThere<T>(files: ImageFiles, path: string, schema: Schema<T>): Promise<T | null> {
  using file = files.open(path);
  return file === null ? null : readDocument(schema, text(await contentOf(file, path)), path);
}

async function readBlob<T>(files: ImageFiles, { digest, size }: Descriptor, schema: Schema<T>): Promise<T> {
  return readDocument(schema, await textOf(files, blobPath(digest), digest, size), short(digest));
}

async function textOf(
  files: ImageFiles,
  path: string,
  digest: Digest | null,
  size: number | null,
): Promise<string> {
  using file = openFile(files, path, size);
  const content = await contentOf(file, path);
  if (digest === null) return text(content);
  const digester = new Digester(digest);
  digester.update(content);
  digester.expect(digest, path);
  return text(content);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** @throws UserError when it isn't there, or has another size */
export function openFile(files: ImageFiles, path: string, size: number | null): ImageFile {
  const file = files.open(path);
  if (file === null) throw new UserError(`lacks the file ${path}, which it names`);
  if (size === null || file.size === size) return file;
  file[Symbol.dispose]();
  throw new UserError(`${path} has ${file.size} bytes, and should have ${size}`);
}

async function contentOf(file: ImageFile, path: string): Promise<Uint8Array> {
  if (file.size > MOST_DOCUMENT)
    throw new UserError(`${path} has ${file.size} bytes, more than such a file can need`);
  const source = new FileSource(file, false);
  const pieces: Uint8Array[] = [];
  for (let piece = await source.next(); piece !== null; piece = await source.next()) pieces.push(piece);
  return Buffer.concat(pieces);
}
