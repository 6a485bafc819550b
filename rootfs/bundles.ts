/** The example bundles: a sandbox, and three containers that stand alone or join it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../runtime-spec/config.ts";
import { unpack } from "./archive.ts";
import { APP } from "./busybox-tree.ts";
import { bundleConfig } from "./config.ts";

interface Bundle {
  readonly name: string;
  readonly rootfs: "pause" | "busybox";
  readonly config: Config;
}

const ROOT = { uid: 0, gid: 0 };
const WORKLOAD = { uid: APP, gid: APP };
/** As in Kubernetes' pause image: nobody that owns a file. */
const PAUSE = { uid: 65535, gid: 65535 };

export const BUNDLES: readonly Bundle[] = [
  {
    name: "sandbox",
    rootfs: "pause",
    config: bundleConfig({ args: ["/pause"], hostname: "pod", user: PAUSE, readonlyRoot: true }),
  },
  {
    name: "web",
    rootfs: "busybox",
    config: bundleConfig({
      args: ["busybox", "httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/www"],
      hostname: "web",
      user: WORKLOAD,
      readonlyRoot: true,
    }),
  },
  {
    name: "client",
    rootfs: "busybox",
    config: bundleConfig({
      args: ["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"],
      hostname: "client",
      user: WORKLOAD,
      readonlyRoot: true,
    }),
  },
  {
    name: "shell",
    rootfs: "busybox",
    config: bundleConfig({
      args: ["/bin/sh"],
      hostname: "shell",
      user: ROOT,
      cwd: "/root",
      capabilities: ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      readonlyRoot: false,
    }),
  },
];

/**
 * Writes every bundle to `directory`. Each has a rootfs of its own, not links into one: the shell writes to its
 * own, whoever sets `readonly` to false in another spoils that one alone, and a copy costs 2 MB.
 */
export function writeBundles(directory: string, archives: Readonly<Record<Bundle["rootfs"], string>>): void {
  for (const { name, rootfs, config } of BUNDLES) {
    const bundle = join(directory, name);
    unpack(archives[rootfs], join(bundle, "rootfs"));
    writeConfig(bundle, config);
  }
}

/** Writes a config.json into a bundle's directory, and makes that if need be. */
export function writeConfig(bundle: string, config: Config): void {
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
}
