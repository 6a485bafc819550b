import type { Area } from "../feature.ts";
import { Missing } from "../verdict.ts";

const PATIENCE_MS = 1000;

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
        const { success, stderr, exitedDueToTimeout } = Bun.spawnSync([criu, "check"], {
          timeout: PATIENCE_MS,
        });
        if (exitedDueToTimeout) throw new Missing(`${criu} check did not end within ${PATIENCE_MS / 1000} s`);
        if (!success) throw new Missing(`${criu} check: ${stderr.toString().trim().split("\n").at(-1)}`);
        return criu;
      },
    },
  ],
};
