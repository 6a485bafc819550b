/** Packages of Debian's archive, unpacked into a directory of the build and not installed. */
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
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
  const download = (directory: string) => {
    const name = nameIn(archive);
    if (name === undefined) throw new Error(`${archive.name} has none`);
    return archive.download(name, directory);
  };
  completely(destination, (tree, work) => {
    command(
      "dpkg",
      "-x",
      upToDate(archive, () => download(work)),
      tree,
    );
    finish(tree);
  });
}

/** The same of packages together with all that they depend on, where /bin and the like are links to /usr. @throws Error */
export function unpackPackages(archive: Archive, names: readonly string[], destination: string): void {
  completely(destination, (tree, work) => {
    const archives = join(work, "archives");
    const files = upToDate(archive, () => archive.downloadAll(names, archives));
    for (const name of ["bin", "lib", "sbin"]) {
      mkdirSync(join(tree, "usr", name), { recursive: true });
      symlinkSync(`usr/${name}`, join(tree, name));
    }
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"';
    for (const file of files) command("sh", "-c", unpack, "sh", file, tree);
  });
}

function completely(destination: string, make: (tree: string, work: string) => void): void {
  const work = `${destination}.fetching`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(`${work}/tree`, { recursive: true });
  try {
    make(`${work}/tree`, work);
    renameSync(`${work}/tree`, destination);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** What `download` returns, perhaps after the archive's lists have been fetched. */
function upToDate<Result>(archive: Archive, download: () => Result): Result {
  try {
    return download();
  } catch {
    archive.update();
    return download();
  }
}
