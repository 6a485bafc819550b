/** An image archive that `ctr image import`, `podman load` and `docker load` take, out of the trees of rootfs/. */
import { createHash } from "node:crypto";
import { pack } from "../../rootfs/archive.ts";
import { directory, type Entry, type File } from "../../rootfs/tree.ts";

/** What becomes an image of one layer. */
export interface ImageSource {
  /** `localhost/tsrun/busybox:1`: no registry is ever asked for it. */
  readonly name: string;
  /** An uncompressed tar archive. */
  readonly layer: Uint8Array;
  /** What the image says of its containers: `Cmd`, `Env`, `Entrypoint`, … */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Media types of the OCI image-spec. */
const TYPES = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

/**
 * One archive with all the images: an OCI image layout (index.json), which containerd and podman read, and the
 * manifest.json of `docker save` over the same blobs.
 */
export function imageArchive(images: readonly ImageSource[]): Uint8Array {
  const made = images.map((source) => ({ source, image: makeImage(source) }));
  const blobs = new Map(made.flatMap(({ image }) => image.blobs.map(({ file }) => [file.path, file])));
  return pack([
    directory("blobs"),
    directory("blobs/sha256"),
    ...blobs.values(),
    json("oci-layout", { imageLayoutVersion: "1.0.0" }),
    json("index.json", { schemaVersion: 2, manifests: made.map(indexed) }),
    json("manifest.json", made.map(saved)),
  ]);
}

/** An image's blobs, as image layouts and registries have them. */
interface Image {
  readonly config: Blob;
  readonly layer: Blob;
  readonly manifest: Blob;
  /** All of these. */
  readonly blobs: readonly Blob[];
}

/** What a source becomes: the same blobs each time. */
export function makeImage({ layer: content, config: settings }: Omit<ImageSource, "name">): Image {
  const layer = blob(content, TYPES.layer);
  const config = blob(
    encode({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: settings,
      rootfs: { type: "layers", diff_ids: [layer.descriptor.digest] },
    }),
    TYPES.config,
  );
  const manifest = blob(
    encode({
      schemaVersion: 2,
      mediaType: TYPES.manifest,
      config: config.descriptor,
      layers: [layer.descriptor],
    }),
    TYPES.manifest,
  );
  return { config, layer, manifest, blobs: [layer, config, manifest] };
}

interface Made {
  readonly source: ImageSource;
  readonly image: Image;
}

/** An image's entry in index.json. */
function indexed({ source: { name }, image: { manifest } }: Made) {
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
  return { ...manifest.descriptor, annotations };
}

/** An image's entry in manifest.json. */
function saved({ source: { name }, image: { config, layer } }: Made) {
  return { Config: config.file.path, RepoTags: [name], Layers: [layer.file.path] };
}

export interface Blob {
  /** In the layout, by its digest. */
  readonly file: File;
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

function blob(content: Uint8Array, mediaType: string): Blob {
  const hash = createHash("sha256").update(content).digest("hex");
  const file: File = { type: "file", path: `blobs/sha256/${hash}`, mode: 0o644, content };
  return { file, descriptor: { mediaType, digest: `sha256:${hash}`, size: content.length } };
}

function json(path: string, value: unknown): Entry {
  return { type: "file", path, mode: 0o644, content: encode(value) };
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
