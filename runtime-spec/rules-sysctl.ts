/** `linux.sysctl` may only change what belongs to the container's own namespaces (namespaces(7), ipc, net, uts). */

import { Config } from "./config.ts";
import type { NamespaceType } from "./config-linux.ts";
import type { Report } from "./report.ts";
import { hasNamespace } from "./rules-namespaces.ts";
import { rule } from "./walk.ts";

export const SYSCTL_RULES = [
  rule(Config, sysctlsAreNamespaced, ["linux.sysctl", "linux.namespaces", "hostname", "domainname"]),
];

/**
 * The file of a sysctl below /proc/sys: `net.ipv4.ip_forward` and `net/ipv4/ip_forward` are
 * "net/ipv4/ip_forward"; as in sysctl(8) the first separator tells which one it is, and the other one stands for
 * a dot (`net.ipv4.conf.eth0/1.forwarding`). Undefined when it is no name below /proc/sys.
 */
export function sysctlFile(name: string): string | undefined {
  const slashesFirst = /^[^./]*\//.test(name);
  const file = slashesFirst ? name : name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
  const wrong = file.split("/").some((part) => part === "" || part === "." || part === "..");
  return wrong || !file.includes("/") ? undefined : file;
}

const NAMESPACED: readonly { readonly file: RegExp; readonly type: NamespaceType }[] = [
  { file: /^net\//, type: "network" },
  { file: /^kernel\/(shmmax|shmall|shmmni|shm_rmid_forced|shm_next_id)$/, type: "ipc" },
  { file: /^kernel\/(msgmax|msgmnb|msgmni|msg_next_id|sem|sem_next_id)$/, type: "ipc" },
  { file: /^fs\/mqueue\//, type: "ipc" },
  { file: /^kernel\/(hostname|domainname)$/, type: "uts" },
];

function sysctlsAreNamespaced(config: Config, report: Report): void {
  for (const name of Object.keys(config.linux?.sysctl ?? {})) {
    const wrong = complain(config, name);
    if (wrong !== undefined) report.problem(wrong, "linux", "sysctl", name);
  }
}

function complain({ linux, hostname, domainname }: Config, name: string): string | undefined {
  const file = sysctlFile(name);
  if (file === undefined) return "is not the name of a sysctl";
  const type = NAMESPACED.find((sysctls) => sysctls.file.test(file))?.type;
  if (type === undefined) return "is not namespaced: it would change the host";
  if (!hasNamespace(linux, type)) {
    return `needs a ${type} namespace: without { "type": "${type}" } in linux.namespaces it would change the host`;
  }
  if (file === "kernel/hostname" && hostname !== undefined)
    return "conflicts with hostname, which sets the same";
  if (file === "kernel/domainname" && domainname !== undefined)
    return "conflicts with domainname, which sets the same";
  return undefined;
}
