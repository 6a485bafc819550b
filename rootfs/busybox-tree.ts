/** The rootfs of the example workloads: busybox, a few users and a page for the web server. */
import { basename } from "node:path";
import type { Busybox } from "./busybox-binary.ts";
import { directory, type Entry, program, symlink, textFile } from "./tree.ts";

/** Who a workload runs as when it need not be root. */
export const APP = 1000;

/** What has no use in a container: it speaks to the machine's hardware and kernel, or manages Debian's files. */
const OMITTED_APPLETS = new Set([
  "busybox", // the program itself
  ...["linuxrc", "init", "run-init", "switch_root", "getty", "halt", "poweroff", "reboot", "resume"],
  ...["depmod", "insmod", "lsmod", "modinfo", "modprobe", "rmmod"],
  ...["acpid", "hwclock", "i2cdetect", "i2cdump", "i2cget", "i2cset", "i2ctransfer", "loadfont", "loadkmap"],
  ...["dpkg", "dpkg-deb", "rpm", "rpm2cpio"],
]);

const DIRECTORIES: readonly Entry[] = [
  ...["bin", "dev", "etc", "home", "proc", "run", "sbin", "sys", "var", "var/log", "www"],
  ...["usr", "usr/bin", "usr/sbin"],
].map((path) => directory(path));

const PERSONAL_DIRECTORIES: readonly Entry[] = [
  directory("root", { mode: 0o700 }),
  directory("home/app", { owner: APP }),
  directory("tmp", { mode: 0o1777 }),
  directory("var/tmp", { mode: 0o1777 }),
];

const FILES: readonly Entry[] = [
  textFile("etc/passwd", [
    "root:x:0:0:root:/root:/bin/sh",
    `app:x:${APP}:${APP}:app:/home/app:/bin/sh`,
    "nobody:x:65534:65534:nobody:/:/bin/false",
  ]),
  // Debian's `tty`: the gid=5 of the usual devpts mount.
  textFile("etc/group", ["root:x:0:", "tty:x:5:", `app:x:${APP}:`, "nogroup:x:65534:"]),
  textFile("etc/hosts", ["127.0.0.1 localhost", "::1 localhost"]),
  textFile("www/index.html", [
    "<!doctype html>",
    '<html lang="en">',
    "<title>tsrun</title>",
    "<p>Hello from a pod.</p>",
    "</html>",
  ]),
];

export function busyboxTree({ binary, applets }: Pick<Busybox, "binary" | "applets">): readonly Entry[] {
  const links = applets
    .filter((path) => !OMITTED_APPLETS.has(basename(path)))
    .map((path) => symlink(path, "bin/busybox"));
  return [...DIRECTORIES, ...PERSONAL_DIRECTORIES, ...FILES, program("bin/busybox", binary), ...links];
}
