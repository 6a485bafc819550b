/** Volumes that are images, which containerd mounts read-only. */
import * as assert from "uvu/assert";
import { BUSYBOX } from "../callers/images.ts";
import { claims } from "./claims.ts";
import { shell } from "./pods.ts";

const usual = claims();
export const imageVolumes = usual.all;
/** The same in a pod with its own users. */
const shifted = claims();
export const shiftedImageVolumes = shifted.all;

for (const { claim, hostUsers } of [
  { claim: usual.claim, hostUsers: true },
  { claim: shifted.claim, hostUsers: false },
])
  claim("an image is a volume of root's, and read-only; a part of it is, too", async ({ run }) => {
    await using pod = await run({
      hostUsers,
      volumes: [{ name: "data", image: { reference: BUSYBOX, pullPolicy: "Never" } }],
      containers: [
        shell(
          "exec 2>&1; cmp /data/bin/busybox /bin/busybox && stat -c %u /data/bin/busybox && ls /page; touch /data/new",
          {
            volumeMounts: [
              { name: "data", mountPath: "/data" },
              { name: "data", mountPath: "/page", subPath: "www" },
            ],
          },
        ),
      ],
    });
    await pod.ended();
    assert.is(await pod.log(), "0\nindex.html\ntouch: /data/new: Read-only file system\n");
  });
