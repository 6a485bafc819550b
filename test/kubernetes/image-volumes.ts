/** Volumes that are images, which containerd mounts read-only. */
import * as assert from "uvu/assert";
import { BUSYBOX } from "../callers/images.ts";
import { claims } from "./claims.ts";
import { shell } from "./pods.ts";

const { claim, all } = claims();
export const imageVolumes = all;

for (const [whose, users] of [
  ["", {}],
  ["of a pod with its own users ", { hostUsers: false }],
] as const)
  claim(`an image ${whose}is a volume of root's, and read-only; a part of it is, too`, async ({ run }) => {
    await using pod = await run({
      ...users,
      volumes: [{ name: "data", image: { reference: BUSYBOX, pullPolicy: "Never" } }],
      containers: [
        shell(
          "cmp /data/bin/busybox /bin/busybox && stat -c %u /data/bin/busybox && ls /page; touch /data/new",
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
