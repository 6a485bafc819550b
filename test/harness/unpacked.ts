/** What `unpack` makes of images. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../runtime-spec/config.ts";
import { freshDirectory } from "./environment.ts";
import { imageOf } from "./images.ts";
import { complaint, runtime, silent } from "./runtime.ts";
import type { Entry } from "./tar.ts";

/** Unpacks an image into a fresh directory; returns the bundle's. */
export function unpacked(image: string, ...flags: string[]): string {
  const bundle = join(freshDirectory("unpacked"), "bundle");
  silent(runtime(["unpack", ...flags, image, bundle]));
  return bundle;
}

/** The rootfs of an image of these layers. */
export const rootfsOf = (...layers: readonly (readonly Entry[])[]): string =>
  join(unpacked(imageOf(...layers)), "rootfs");

/** What is said when an image is refused, of which nothing may be left. */
export function refused(image: string, ...flags: string[]): string {
  const directory = freshDirectory("refused");
  const said = complaint(runtime(["unpack", ...flags, image, join(directory, "bundle")]));
  const left = readdirSync(directory);
  if (left.length > 0) throw new Error(`${left.join()} is left, after: ${said}`);
  return said;
}

export const configOf = (bundle: string): Config =>
  JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Config;

/** All below a directory, by path: a file's content, `-> TARGET` of a link, `/` of a directory. */
export function treeOf(root: string, below = ""): Readonly<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of readdirSync(join(root, below)).sort()) {
    const path = below === "" ? name : `${below}/${name}`;
    const status = lstatSync(join(root, path));
    if (status.isSymbolicLink()) tree[path] = `-> ${readlinkSync(join(root, path))}`;
    else if (status.isDirectory()) Object.assign(tree, { [path]: "/" }, treeOf(root, path));
    else tree[path] = status.isFile() ? readFileSync(join(root, path), "utf8") : "special";
  }
  return tree;
}
