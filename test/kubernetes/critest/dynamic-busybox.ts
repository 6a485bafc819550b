/**
 * The busybox whose shell finds programs in the PATH, as that of most images does: the static one runs its own applets,
 * whatever is in their place.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { directory, type Entry, program } from "../../../rootfs/tree.ts";
import { releaseName } from "../../debian/apt.ts";
import { project } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";

/** The program, and the libraries of this machine that it is linked with, where it looks for them. */
export function dynamicBusybox(): { readonly binary: Uint8Array; readonly libraries: readonly Entry[] } {
  const path = join(project, "build/suites", releaseName(), "busybox/bin/busybox");
  const libraries = [...command("ldd", path).matchAll(/\/\S+/g)].map(([library]) => library);
  const directories = new Set(libraries.flatMap(parents));
  return {
    binary: readFileSync(path),
    libraries: [
      ...[...directories].map((one) => directory(one)),
      ...libraries.map((library) => program(library.slice(1), readFileSync(library))),
    ],
  };
}

/** `lib` and `lib/x86_64-linux-gnu` of `/lib/x86_64-linux-gnu/libc.so.6`. */
function parents(path: string): string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}
