/**
 * Measures `tsrun unpack` beside `umoci unpack` and GNU tar, on an image of 5 layers and 20,000 files:
 * `bun bench/unpack.ts [ROUNDS]`, in the directory $TMPDIR. Times are medians. tar only unpacks the layers one after
 * the other: it checks no digest, and takes whiteouts for files.
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { pack } from "../rootfs/archive.ts";
import { directory, type Entry } from "../rootfs/tree.ts";
import { type Lap, Stopwatch } from "./stopwatch.ts";

const PROJECT = resolve(import.meta.dir, "..");
const [, , ROUNDS = "7"] = process.argv;
const LAYERS = 5;
const FILES = 4000;
const DIRECTORIES = 80;

const work = mkdtempSync(join(tmpdir(), "tsrun-bench-unpack-"));

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Text with the entropy of programs: gzip makes a third of it. */
function content(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2_654_435_761 + 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = at % 3 === 0 ? state >>> 24 : 0x20 + ((state >>> 26) & 7);
  }
  return bytes;
}

/** Sizes like those of a distribution: many small files, few large ones; 11 KiB on average. */
const size = (at: number) => (at % 100 === 0 ? 400_000 : at % 10 === 0 ? 40_000 : 200 + ((at * 977) % 6000));

function layer(number: number): Uint8Array {
  const top = `layer${number}`;
  const entries: Entry[] = [directory(top)];
  for (let at = 0; at < DIRECTORIES; at++) entries.push(directory(`${top}/d${at}`));
  for (let at = 0; at < FILES; at++) {
    const path = `${top}/d${at % DIRECTORIES}/file${at}`;
    entries.push({ type: "file", path, mode: 0o644, content: content(number * FILES + at, size(at)) });
  }
  return pack(entries);
}

/** An image layout whose layers are compressed so; returns the paths of their files. */
function writeImage(path: string, archives: readonly Uint8Array[], compression: "gzip" | "zstd"): string[] {
  const compress = compression === "gzip" ? gzipSync : zstdCompressSync;
  const blobs = join(path, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const add = (bytes: Uint8Array, mediaType: string) => {
    writeFileSync(join(blobs, sha256(bytes)), bytes);
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const TYPE = "application/vnd.oci.image";
  const layers = archives.map((bytes) => add(compress(bytes), `${TYPE}.layer.v1.tar+${compression}`));
  const diff_ids = archives.map((bytes) => `sha256:${sha256(bytes)}`);
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const config = add(
    json({ os: "linux", architecture, config: { Cmd: ["sh"] }, rootfs: { type: "layers", diff_ids } }),
    `${TYPE}.config.v1+json`,
  );
  const manifest = add(json({ schemaVersion: 2, config, layers }), `${TYPE}.manifest.v1+json`);
  const annotations = { "org.opencontainers.image.ref.name": "it" };
  writeFileSync(join(path, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(
    join(path, "index.json"),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  return layers.map(({ digest }) => join(blobs, digest.slice("sha256:".length)));
}

interface Contender {
  readonly name: string;
  readonly command: (bundle: string) => readonly string[];
}

function contenders(
  image: string,
  files: readonly string[],
  compression: "gzip" | "zstd",
): readonly Contender[] {
  const umoci = Bun.which("umoci");
  const each = files.map((file) => `tar --${compression} -xpf ${file} -C "$1"`).join(" && ");
  return [
    { name: "tsrun unpack", command: (bundle) => [join(PROJECT, "bin/tsrun"), "unpack", image, bundle] },
    // Debian's umoci knows no zstd.
    ...(umoci === null || compression === "zstd"
      ? []
      : [
          {
            name: "umoci unpack",
            command: (bundle: string) => [umoci, "unpack", "--image", `${image}:it`, bundle],
          },
        ]),
    {
      name: "tar, a layer after the other",
      command: (bundle) => ["/bin/sh", "-c", `mkdir "$1" && ${each}`, "sh", bundle],
    },
  ];
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function measure(stopwatch: Stopwatch, all: readonly Contender[]): Promise<ReadonlyMap<string, Lap[]>> {
  const laps = new Map(all.map(({ name }) => [name, [] as Lap[]]));
  for (let round = 0; round <= Number(ROUNDS); round++) {
    for (const { name, command } of all) {
      const bundle = join(work, "bundle");
      const lap = await stopwatch.time(command(bundle));
      rmSync(bundle, { recursive: true });
      if (round > 0) laps.get(name)?.push(lap); // the first is for the caches
    }
  }
  return laps;
}

try {
  using stopwatch = new Stopwatch(join(PROJECT, "build/bench/stopwatch"), work);
  const archives = Array.from({ length: LAYERS }, (_, number) => layer(number));
  const total = archives.reduce((sum, { length }) => sum + length, 0);
  console.log(`An image of ${LAYERS} layers, ${LAYERS * FILES} files, ${(total / 2 ** 20).toFixed(0)} MiB\n`);
  for (const compression of ["gzip", "zstd"] as const) {
    const image = join(work, compression);
    const files = writeImage(image, archives, compression);
    const packed = files.reduce((sum, file) => sum + statSync(file).size, 0);
    console.log(
      `| ${compression}, ${(packed / 2 ** 20).toFixed(0)} MiB | time | fastest | processor | peak memory |\n|---|---|---|---|---|`,
    );
    for (const [name, laps] of await measure(stopwatch, contenders(image, files, compression))) {
      const times = laps.map(({ milliseconds }) => milliseconds);
      const processor = median(laps.map((lap) => lap.processor));
      const ms = [median(times), Math.min(...times), processor].map((one) => `${one.toFixed(0)} ms`);
      const peak = median(laps.map((lap) => lap.peak)) / 1024;
      console.log(`| ${name} | ${ms.join(" | ")} | ${peak.toFixed(0)} MiB |`);
    }
    console.log();
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
