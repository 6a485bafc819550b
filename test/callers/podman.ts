import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { runtimePath, workDirectory } from "../harness/environment.ts";
import { call, printed, type Said } from "./call.ts";
import { BUSYBOX, PAUSE, writeImages } from "./images.ts";
import { snippet } from "./snippets.ts";

/** The example of the page, and what this machine of the tests needs besides. */
function configuration(): string {
  return `${snippet("podman", "toml", runtimePath)}
[containers]
# What a machine without CAP_SYS_RESOURCE allows.
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
${cgroup2Controllers().has("pids") ? "" : "pids_limit = 0"}

[network]
network_backend = "cni"
network_config_dir = "/run/networks"
`;
}

const STORAGE = `
[storage]
driver = "overlay"
graphroot = "/var/lib/containers"
runroot = "/run/containers"
`;

/** Lets `podman` take the page's example, and its storage and networks from this machine; loads the images. */
export function configurePodman(): void {
  const file = (name: string, text: string) => {
    const path = join(workDirectory, name);
    writeFileSync(path, text);
    return path;
  };
  process.env["CONTAINERS_CONF"] = file("containers.conf", configuration());
  process.env["CONTAINERS_STORAGE_CONF"] = file("storage.conf", STORAGE);
  // podman of Debian 12 knows no drop-ins for these two.
  process.env["TMPDIR"] = workDirectory;
  printed(podman("load", "--quiet", "--input", writeImages()));
}

export function podman(...words: string[]): Said {
  return call(["podman", ...words]);
}

/** The default network needs iptables, which not every kernel lets a namespace have. */
export const NO_NETWORK = ["--network", "none"] as const;

/** `podman run --rm` of a shell script, to its end. */
export function ran(script: string, ...flags: readonly string[]): Said {
  return podman("run", "--rm", ...NO_NETWORK, ...flags, BUSYBOX, "sh", "-c", script);
}

/** A container in the background, gone when the test is done. */
export function box(
  args: readonly string[],
  ...flags: readonly string[]
): Disposable & { readonly id: string } {
  const id = printed(podman("run", "--detach", ...NO_NETWORK, ...flags, BUSYBOX, ...args)).trim();
  return { id, [Symbol.dispose]: () => void printed(podman("rm", "--force", "--time", "0", id)) };
}

/** A pod whose infra container is our pause. */
export function createPod(name: string, ...flags: string[]): Disposable {
  printed(podman("pod", "create", "--infra-image", PAUSE, "--name", name, ...flags));
  return { [Symbol.dispose]: () => void printed(podman("pod", "rm", "--force", "--time", "0", name)) };
}
