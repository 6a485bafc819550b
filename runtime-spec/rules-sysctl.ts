/** `linux.sysctl` may only change what belongs to the container's own namespaces (namespaces(7), ipc, net, user, uts). */

import { Config } from "./config.ts";
import type { NamespaceType } from "./config-linux.ts";
import type { Report } from "./report.ts";
import { hasNamespace, needs } from "./rules-namespaces.ts";
import { rule } from "./walk.ts";

export const SYSCTL_RULES = [
  rule(Config, sysctlsAreNamespaced, ["linux.sysctl", "linux.namespaces", "hostname", "domainname"]),
];

/**
 * The file of a sysctl below /proc/sys: `net.ipv4.ip_forward` and `net/ipv4/ip_forward` are both
 * "net/ipv4/ip_forward". As in sysctl(8) the first separator tells which of the two it is, and the other one
 * stands for a dot: `net.ipv4.conf.eth0/1.forwarding`. Undefined when it is no name below /proc/sys.
 */
export function sysctlFile(name: string): string | undefined {
  const slash = name.indexOf("/");
  const dot = name.indexOf(".");
  const slashesSeparate = slash !== -1 && (dot === -1 || slash < dot);
  const file = slashesSeparate ? name : slash === -1 ? name.replaceAll(".", "/") : swapSeparators(name);
  const wrong = file.split("/").some((part) => part === "" || part === "." || part === "..");
  return wrong || !file.includes("/") ? undefined : file;
}

function swapSeparators(name: string): string {
  return name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
}

/** Files, and folders that end in a slash. */
const NAMESPACED: readonly { readonly type: NamespaceType; readonly files: readonly string[] }[] = [
  { type: "network", files: ["net/"] },
  { type: "user", files: ["user/"] },
  { type: "uts", files: ["kernel/hostname", "kernel/domainname"] },
  { type: "ipc", files: ["kernel/shmmax", "kernel/shmall", "kernel/shmmni", "kernel/shm_rmid_forced"] },
  { type: "ipc", files: ["kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem"] },
  { type: "ipc", files: ["kernel/shm_next_id", "kernel/msg_next_id", "kernel/sem_next_id", "fs/mqueue/"] },
];

function namespaceOf(file: string): NamespaceType | undefined {
  const isIn = (known: string) => (known.endsWith("/") ? file.startsWith(known) : file === known);
  return NAMESPACED.find(({ files }) => files.some(isIn))?.type;
}

/** Which kind of namespace a sysctl belongs to; undefined when it is the whole machine's, or none. */
export function sysctlNamespace(name: string): NamespaceType | undefined {
  const file = sysctlFile(name);
  return file === undefined ? undefined : namespaceOf(file);
}

function sysctlsAreNamespaced(config: Config, report: Report): void {
  for (const name of Object.keys(config.linux?.sysctl ?? {})) {
    const wrong = complain(config, name);
    if (wrong !== undefined) report.problem(wrong, "linux", "sysctl", name);
  }
}

function complain({ linux, hostname, domainname }: Config, name: string): string | undefined {
  const file = sysctlFile(name);
  if (file === undefined) return "is not the name of a sysctl";
  const type = namespaceOf(file);
  if (type === undefined) return "is not namespaced: it would change the host";
  if (!hasNamespace(linux, type)) return `${needs(type)}, or it would change the host`;
  const value = linux?.sysctl?.[name];
  if (file === "kernel/hostname" && hostname !== undefined && hostname !== value)
    return "conflicts with hostname, which sets the same to something else";
  if (file === "kernel/domainname" && domainname !== undefined && domainname !== value)
    return "conflicts with domainname, which sets the same to something else";
  return undefined;
}
