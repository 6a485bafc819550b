/** Images in all the forms that `unpack` takes, made here. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { freshDirectory, project } from "./environment.ts";
import { type Entry, file, symlink, tar } from "./tar.ts";

type Compression = "plain" | "gzip" | "zstd";

const COMPRESS: { readonly [how in Compression]: (bytes: Uint8Array) => Uint8Array } = {
  plain: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

const SUFFIX = { plain: "", gzip: "+gzip", zstd: "+zstd" } as const;

interface Layer {
  readonly archive: Uint8Array;
  readonly compression?: Compression;
}

export interface ImageSource {
  readonly layers: readonly Layer[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly tag?: string;
}

/** This machine's, as images name it. */
export const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;
const OWN = { os: "linux", architecture: ARCHITECTURE };

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Files by their paths. */
type Files = Map<string, Uint8Array>;

function addBlob(files: Files, content: Uint8Array, mediaType: string) {
  const hash = sha256(content);
  files.set(`blobs/sha256/${hash}`, content);
  return { mediaType, digest: `sha256:${hash}`, size: content.length };
}

function imageConfig({ layers, config = {}, platform = OWN }: ImageSource): Uint8Array {
  const diff_ids = layers.map(({ archive }) => `sha256:${sha256(archive)}`);
  return json({ created: "2026-01-02T03:04:05Z", ...platform, config, rootfs: { type: "layers", diff_ids } });
}

function addImage(files: Files, image: ImageSource) {
  const config = addBlob(files, imageConfig(image), "application/vnd.oci.image.config.v1+json");
  const layers = image.layers.map(({ archive, compression = "plain" }) =>
    addBlob(
      files,
      COMPRESS[compression](archive),
      `application/vnd.oci.image.layer.v1.tar${SUFFIX[compression]}`,
    ),
  );
  const manifest = json({ schemaVersion: 2, config, layers });
  const { tag } = image;
  return {
    ...addBlob(files, manifest, "application/vnd.oci.image.manifest.v1+json"),
    ...(image.platform && { platform: image.platform }),
    ...(tag !== undefined && { annotations: { "org.opencontainers.image.ref.name": tag } }),
  };
}

/** The files of an OCI image layout; with `nested` its images are in an index of their own. */
export function layout(images: readonly ImageSource[], nested = false): Files {
  const files: Files = new Map([["oci-layout", json({ imageLayoutVersion: "1.0.0" })]]);
  let manifests: unknown[] = images.map((image) => addImage(files, image));
  if (nested)
    manifests = [
      addBlob(files, json({ schemaVersion: 2, manifests }), "application/vnd.oci.image.index.v1+json"),
    ];
  return files.set("index.json", json({ schemaVersion: 2, manifests }));
}

/** The files of an archive as docker wrote them before it wrote layouts: a directory a layer, the same ones linked. */
export function saved(images: readonly ImageSource[]): readonly Entry[] {
  const entries: Entry[] = [];
  const known = new Map<string, string>();
  const manifest = images.map((image, number) => {
    const config = imageConfig(image);
    const Layers = image.layers.map(({ archive }, at) => {
      const path = `${number}${at}abc/layer.tar`;
      const same = known.get(sha256(archive));
      entries.push(same === undefined ? file(path, archive) : symlink(path, `../${same}`));
      known.set(sha256(archive), path);
      return path;
    });
    entries.push(file(`${sha256(config)}.json`, config));
    return {
      Config: `${sha256(config)}.json`,
      RepoTags: image.tag === undefined ? null : [image.tag],
      Layers,
    };
  });
  return [...entries, file("manifest.json", json(manifest))];
}

/** Writes files into a fresh directory, and returns it. */
export function asDirectory(files: Files): string {
  const path = freshDirectory("layout");
  for (const [name, content] of files) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

/** Writes an archive, and returns its path. */
export function asArchive(entries: Files | readonly Entry[]): string {
  const path = join(freshDirectory("archive"), "image.tar");
  const list = entries instanceof Map ? [...entries].map(([name, content]) => file(name, content)) : entries;
  writeFileSync(path, tar(list));
  return path;
}

/** An image layout of these layers, which are not compressed. */
export function imageOf(...layers: readonly (readonly Entry[])[]): string {
  return asDirectory(layout([{ layers: layers.map((entries) => ({ archive: tar(entries) })) }]));
}

const busybox = () => readFileSync(join(project, "build/rootfs/busybox.tar"));

/** An image of two layers that says who it is. */
export function talking(compression: Compression = "gzip", more: Partial<ImageSource> = {}): ImageSource {
  const own = [
    file("etc/passwd", "root:x:0:0::/root:/bin/sh\nteller:x:1000:1001::/home/teller:/bin/sh\n"),
    file("etc/group", "staff:x:50:nobody,teller\nteller:x:1001:\n"),
  ];
  return {
    layers: [
      { archive: busybox(), compression },
      { archive: tar(own), compression },
    ],
    config: {
      User: "teller",
      Env: ["PATH=/bin", "WORD=hello"],
      Entrypoint: ["sh", "-c", 'echo "$WORD $1 from $(id -u):$(id -g):$(id -G) in $(pwd)"; exit 3', "sh"],
      Cmd: ["world"],
      WorkingDir: "/tmp/work",
      StopSignal: "SIGQUIT",
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      Labels: { note: "ours", "org.opencontainers.image.os": "label" },
    },
    tag: "1",
    ...more,
  };
}

export const TOLD = "hello world from 1000:1001:1001 50 in /tmp/work\n";
