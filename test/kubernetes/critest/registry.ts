/** A registry of images on the test file's machine, as much of the OCI distribution-spec as pulling takes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Blob, type ImageSource, makeImage } from "../../callers/image.ts";

const PORT = 5000;

/** Serves the images until it is disposed of. Their names have no host: it stands for whatever registry is asked. */
export function serveImages(images: readonly ImageSource[]): Disposable {
  const found = new Map(images.flatMap(served));
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: PORT,
    fetch: (request) => answer(found.get(new URL(request.url).pathname)),
  });
  return { [Symbol.dispose]: () => void server.stop(true) };
}

/** An image's blobs by the paths at which they are asked for. */
function served(source: ImageSource): [string, Blob][] {
  const [name = "", tag = "latest"] = source.name.split(":");
  const { blobs, manifest } = makeImage(source);
  return [
    ["/v2/", manifest], // whether there is a registry at all
    [`/v2/${name}/manifests/${tag}`, manifest],
    [`/v2/${name}/manifests/${manifest.descriptor.digest}`, manifest],
    ...blobs.map((blob): [string, Blob] => [`/v2/${name}/blobs/${blob.descriptor.digest}`, blob]),
  ];
}

function answer(blob: Blob | undefined): Response {
  if (blob === undefined) return new Response("not found", { status: 404 });
  const { mediaType, digest } = blob.descriptor;
  return new Response(new Uint8Array(blob.file.content), {
    headers: { "Content-Type": mediaType, "Docker-Content-Digest": digest },
  });
}

/** Writes the directory that has containerd ask this registry in place of every other one. */
export function writeHosts(directory: string): string {
  mkdirSync(join(directory, "_default"), { recursive: true });
  const url = `http://127.0.0.1:${PORT}`;
  const hosts = `server = "${url}"\n[host."${url}"]\ncapabilities = ["pull", "resolve"]\n`;
  writeFileSync(join(directory, "_default/hosts.toml"), hosts);
  return directory;
}
