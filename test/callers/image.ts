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
  const made = images.map(image);
  const blobs = new Map(made.flatMap(({ files }) => files.map((file) => [file.path, file])));
  return pack([
    directory("blobs"),
    directory("blobs/sha256"),
    ...blobs.values(),
    json("oci-layout", { imageLayoutVersion: "1.0.0" }),
    json("index.json", { schemaVersion: 2, manifests: made.map(({ indexed }) => indexed) }),
    json(
      "manifest.json",
      made.map(({ saved }) => saved),
    ),
  ]);
}

interface Image {
  readonly files: readonly File[];
  /** Its entry in index.json. */
  readonly indexed: unknown;
  /** Its entry in manifest.json. */
  readonly saved: unknown;
}

function image({ name, layer, config }: ImageSource): Image {
  const layerBlob = blob(layer, TYPES.layer);
  const configBlob = blob(
    encode({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: [layerBlob.descriptor.digest] },
    }),
    TYPES.config,
  );
  const manifest = blob(
    encode({
      schemaVersion: 2,
      mediaType: TYPES.manifest,
      config: configBlob.descriptor,
      layers: [layerBlob.descriptor],
    }),
    TYPES.manifest,
  );
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
  return {
    files: [layerBlob.file, configBlob.file, manifest.file],
    indexed: { ...manifest.descriptor, annotations },
    saved: { Config: configBlob.file.path, RepoTags: [name], Layers: [layerBlob.file.path] },
  };
}

/** A file of the layout that is named by its digest, and what refers to it. */
function blob(content: Uint8Array, mediaType: string) {
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
