import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runtimePath, workDirectory } from "../harness/environment.ts";
import { call, printed, type Said } from "./call.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { BUSYBOX, writeImages } from "./images.ts";
import { snippet } from "./snippets.ts";

const SOCKET = "/run/docker.sock";

/** What this machine of the tests needs besides the page's example; docker tells versions of its default runtime alone. */
const HERE = { bridge: "none", iptables: false, "ip-forward": false, "default-runtime": "tsrun" };

/** It gives its containerd 15 seconds to start, which is not always enough on a slow machine; then it ends. */
const MOST_STARTS = 3;

/** Starts dockerd, which starts a containerd of its own, with the images. @throws Error with its log */
export async function startDocker(): Promise<Daemon> {
  const example: object = JSON.parse(snippet("docker", "json", runtimePath));
  const config = join(workDirectory, "daemon.json");
  writeFileSync(config, JSON.stringify({ ...example, ...HERE }));
  const images = writeImages();
  for (let start = 1; ; start++) {
    const daemon = await startDaemon(["dockerd", "--config-file", config], SOCKET);
    const loaded = docker("load", "--quiet", "--input", images);
    if (loaded.status === 0) return daemon;
    await daemon.stop();
    if (start === MOST_STARTS) throw new Error(`${loaded.stderr}\n${daemon.log()}`);
  }
}

export const WITH_TSRUN = ["--runtime", "tsrun"] as const;
/** The daemon has no default bridge here. */
export const NO_NETWORK = ["--network", "none"] as const;

/** `docker run --rm` of a shell script, to its end. */
export function ran(script: string, ...flags: readonly string[]): Said {
  return docker("run", "--rm", ...WITH_TSRUN, ...NO_NETWORK, ...flags, BUSYBOX, "sh", "-c", script);
}

/** A container in the background, gone when the test is done. */
export function box(
  args: readonly string[],
  ...flags: readonly string[]
): Disposable & { readonly id: string } {
  const network = flags.includes("--network") ? [] : NO_NETWORK;
  const id = printed(docker("run", "--detach", ...WITH_TSRUN, ...network, ...flags, BUSYBOX, ...args)).trim();
  return { id, [Symbol.dispose]: () => void printed(docker("rm", "--force", id)) };
}

/** `docker` with its words, to the daemon of this machine whatever the caller's environment names. */
export function docker(...words: string[]): Said {
  return call(["docker", "--host", `unix://${SOCKET}`, ...words]);
}
