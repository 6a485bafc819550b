/** The images that critest pulls, made of the project's own: what its tests look at is as in the original ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pack } from "../../../rootfs/archive.ts";
import { busyboxPath, readBusybox } from "../../../rootfs/busybox-binary.ts";
import { busyboxTree } from "../../../rootfs/busybox-tree.ts";
import { type Entry, program, symlink, textFile } from "../../../rootfs/tree.ts";
import type { ImageSource } from "../../callers/image.ts";
import { compileProgram } from "../../harness/compile-program.ts";
import { freshDirectory, project } from "../../harness/environment.ts";
import { dynamicBusybox } from "./dynamic-busybox.ts";

const KUBERNETES = "e2e-test-images";
const CRI_TOOLS = "k8s-staging-cri-tools";
const ENVIRONMENT = { Env: ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"] } as const;
const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;

type Settings = ImageSource["config"];

interface Kind {
  /** What its file system has beside busybox, or in place of what is there. */
  readonly entries?: () => readonly Entry[];
  readonly config: Settings;
  readonly names: readonly string[];
}

/** All, each with a label of its own where it must not be the same image as another. */
export function critestImages(): readonly ImageSource[] {
  const busybox = busyboxTree(readBusybox(busyboxPath()));
  const pause = readFileSync(join(project, "build/rootfs/pause.tar"));
  return [
    { name: "pause:3.9", layer: pause, config: { Entrypoint: ["/pause"], Labels: { name: "pause" } } },
    ...KINDS.flatMap(({ entries = () => [], config, names }) => {
      const layer = pack(withEntries(busybox, entries()));
      return names.map((name) => ({ name, layer, config: { ...ENVIRONMENT, Cmd: ["sh"], ...config } }));
    }),
  ];
}

const nginx = (port: number) => (): readonly Entry[] => [
  symlink("var/run", "run"),
  script("bin/nginx", "echo $$ >/var/run/nginx.pid", `httpd -f -p ${port} -h /www`),
];
/** A process of the name nginx that calls itself the master process, writes its pid, and has pages served. */
const NGINX = ["nginx", "master process"] as const;

const KINDS: readonly Kind[] = [
  { names: [`${KUBERNETES}/busybox:1.29-2`], config: {}, entries: workloads },
  { names: [`${KUBERNETES}/nginx:1.14-2`], config: { Cmd: NGINX }, entries: nginx(80) },
  { names: [`${CRI_TOOLS}/hostnet-nginx-${ARCHITECTURE}`], config: { Cmd: NGINX }, entries: nginx(12003) },
  {
    names: [`${KUBERNETES}/httpd:2.4.39-4`],
    config: { Cmd: ["sh", "-c", "echo httpd; exec httpd -f -p 80 -h /www"] },
  },
  { names: [`${KUBERNETES}/nonewprivs:1.3`], config: { Cmd: ["/effective-uid"] }, entries: effectiveUid },
  ...["latest", "1", "2", "3", "tag:test", "tag:all"].map((name) => ({
    names: [`${CRI_TOOLS}/test-image-${name}`],
    config: { Labels: { name } },
  })),
  {
    names: ["1", "2", "3"].map((tag) => `${CRI_TOOLS}/test-image-tags:${tag}`),
    config: { Labels: { name: "tags" } },
  },
  ...Object.entries({
    uid: "1002",
    username: "www-data",
    "uid-group": "1003:1004",
    "username-group": "www-data:1004",
  }).map(([name, User]) => ({ names: [`${CRI_TOOLS}/test-image-user-${name}`], config: { User } })),
  {
    names: [`${CRI_TOOLS}/test-image-predefined-group`],
    config: { User: "1000" },
    entries: () => [
      textFile("etc/passwd", ["root:x:0:0:root:/root:/bin/sh", "default-user:x:1000:1000::/:/bin/sh"]),
      textFile("etc/group", ["root:x:0:", "default-user:x:1000:", "in-image:x:50000:default-user"]),
    ],
  },
];

/** What critest runs most of its commands in. It masks /bin/ls, which therefore is a file of its own. */
function workloads(): readonly Entry[] {
  const { binary, libraries } = dynamicBusybox();
  return [
    ...[program("bin/busybox", binary), program("bin/ls", binary), ...libraries],
    script("bin/pgrep", 'exec pidof "$@"'),
    script("bin/ipcs", "exec cat /proc/sysvipc/shm"),
  ];
}

function effectiveUid(): readonly Entry[] {
  const path = join(freshDirectory("images"), "effective-uid");
  compileProgram(project, "test/kubernetes/critest/effective-uid.c", path);
  return [{ type: "file", path: "effective-uid", mode: 0o4755, content: readFileSync(path) }];
}

function script(path: string, ...lines: readonly string[]): Entry {
  return program(path, new TextEncoder().encode(["#!/bin/sh", ...lines, ""].join("\n")));
}

/** The tree with these entries besides, or in place of those of the same path. */
function withEntries(tree: readonly Entry[], entries: readonly Entry[]): Entry[] {
  const paths = new Set(entries.map(({ path }) => path));
  return [...tree.filter(({ path }) => !paths.has(path)), ...entries];
}
