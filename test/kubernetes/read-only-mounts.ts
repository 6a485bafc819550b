/** Volumes that are read-only with all that is mounted in them. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { call, printed } from "../callers/call.ts";
import { freshDirectory } from "../harness/environment.ts";
import { claims } from "./claims.ts";
import { shell } from "./pods.ts";

const { claim, all } = claims();
export const readOnlyMounts = all;

for (const [recursive, below] of [
  ["Enabled", "1"],
  ["Disabled", "0"],
] as const)
  claim(
    `recursiveReadOnly: ${recursive} decides whether a mount below a volume can be written`,
    async ({ run }) => {
      const directory = freshDirectory("host");
      const point = join(directory, "point");
      mkdirSync(point);
      printed(call(["mount", "-t", "tmpfs", "tmpfs", point]));
      try {
        await using pod = await run({
          volumes: [{ name: "data", hostPath: { path: directory } }],
          containers: [
            shell("touch /data/file; echo $?; touch /data/point/file; echo $?", {
              volumeMounts: [
                { name: "data", mountPath: "/data", readOnly: true, recursiveReadOnly: recursive },
              ],
            }),
          ],
        });
        await pod.ended();
        const lines = (await pod.log()).split("\n").filter((line) => /^\d$/.test(line));
        assert.equal(lines, ["1", below]);
      } finally {
        printed(call(["umount", "--lazy", point]));
      }
    },
  );
