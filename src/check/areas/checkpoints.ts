import { removeFile, statusIfThere } from "../../kernel/files.ts";
import type { Area } from "../feature.ts";
import { Missing, Skipped } from "../verdict.ts";

/** criu takes some 50 ms, and many times that where all is emulated. */
const PATIENCE_MS = 20_000;
/** Where criu keeps what it has found out about the kernel. */
const CACHE = "/run/criu.kdat";

export const checkpoints: Area = {
  name: "checkpoints",
  features: [
    {
      name: "criu",
      title: "checkpoint and restore: criu",
      config: [],
      probe() {
        const criu = Bun.which("criu");
        if (criu === null) throw new Missing("there is no criu in $PATH: install it");
        const hadCache = statusIfThere(CACHE) !== null;
        const { success, stderr, exitedDueToTimeout } = Bun.spawnSync([criu, "check"], {
          timeout: PATIENCE_MS,
        });
        if (!hadCache) removeFile(CACHE);
        if (exitedDueToTimeout)
          throw new Skipped(`${criu} check does not end within ${PATIENCE_MS / 1000} s`);
        if (!success) throw new Missing(`${criu} check: ${stderr.toString().trim().split("\n").at(-1)}`);
        return criu;
      },
    },
  ],
};
