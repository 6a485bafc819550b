import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { project, workDirectory } from "../harness/environment.ts";
import { imageArchive } from "./image.ts";

export const BUSYBOX = "localhost/tsrun/busybox:1";
export const PAUSE = "localhost/tsrun/pause:1";

/** Both images in one archive; returns its path. */
export function writeImages(): string {
  const layer = (name: string) => readFileSync(join(project, "build/rootfs", `${name}.tar`));
  const path = join(workDirectory, "images.tar");
  writeFileSync(
    path,
    imageArchive([
      {
        name: BUSYBOX,
        layer: layer("busybox"),
        config: { Cmd: ["sh"], Env: ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"] },
      },
      { name: PAUSE, layer: layer("pause"), config: { Entrypoint: ["/pause"] } },
    ]),
  );
  return path;
}
