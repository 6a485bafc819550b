/** Packages of Debian's archive, unpacked into a directory of the build and not installed. */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { command } from "../harness/mount.ts";
import type { Archive } from "./apt.ts";

/**
 * Fetches the package that `nameIn` finds in the archive and unpacks it; `finish` may change the files. Complete or not
 * there at all, whenever it is interrupted. What is known of the archive may be missing or out of date.
 * @throws Error
 */
export function unpackPackage(
  archive: Archive,
  nameIn: (archive: Archive) => string | undefined,
  destination: string,
  finish: (tree: string) => void = () => {},
): void {
  const work = `${destination}.fetching`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(`${work}/tree`, { recursive: true });
  try {
    command("dpkg", "-x", downloaded(archive, nameIn, work), `${work}/tree`);
    finish(`${work}/tree`);
    renameSync(`${work}/tree`, destination);
  } finally {
    rmSync(work, { recursive: true });
  }
}

function downloaded(
  archive: Archive,
  nameIn: (archive: Archive) => string | undefined,
  directory: string,
): string {
  const download = () => {
    const name = nameIn(archive);
    if (name === undefined) throw new Error(`${archive.name} has none`);
    return archive.download(name, directory);
  };
  try {
    return download();
  } catch {
    archive.update();
    return download();
  }
}
