/** What needs which namespace, so that it does not change the host's. */

import { Config } from "./config.ts";
import { Linux, type NamespaceType, namespaceIndex } from "./config-linux.ts";
import { type Report, show } from "./report.ts";
import { rule } from "./walk.ts";

export const NAMESPACE_RULES = [
  rule(Linux, namespacesDiffer, ["namespaces"]),
  rule(Linux, timeOffsetsHaveNewNamespace, ["namespaces", "timeOffsets"]),
  rule(Linux, restrictedPathsHaveNamespace, ["namespaces", "maskedPaths", "readonlyPaths"]),
  rule(Linux, netDevicesHaveNamespace, ["namespaces", "netDevices"]),
  rule(Linux, netDeviceNamesDiffer, ["netDevices"]),
  rule(Config, namesHaveNamespace, ["linux.namespaces", "hostname", "domainname"]),
];

/** Whether the container has its own namespace of this type, be it new or joined. */
export function hasNamespace(linux: Linux | undefined, type: NamespaceType): boolean {
  return namespaceIndex(linux?.namespaces ?? [], type) >= 0;
}

export function needs(type: NamespaceType): string {
  return `needs { "type": "${type}" } in linux.namespaces`;
}

function namespacesDiffer({ namespaces = [] }: Linux, report: Report): void {
  for (const [index, { type }] of namespaces.entries()) {
    const first = namespaceIndex(namespaces, type);
    if (first < index)
      report.problem(`is listed twice: "${type}" is in [${first}]`, "namespaces", index, "type");
  }
}

function timeOffsetsHaveNewNamespace({ namespaces = [], timeOffsets }: Linux, report: Report): void {
  if (timeOffsets?.boottime === undefined && timeOffsets?.monotonic === undefined) return;
  const time = namespaces.find(({ type }) => type === "time");
  if (time === undefined) report.problem(needs("time"), "timeOffsets");
  else if (time.path !== undefined) {
    report.problem(
      "cannot be set: the time namespace is joined by its path, and has its own offsets",
      "timeOffsets",
    );
  }
}

function restrictedPathsHaveNamespace(linux: Linux, report: Report): void {
  if (hasNamespace(linux, "mount")) return;
  for (const name of ["maskedPaths", "readonlyPaths"] as const) {
    if ((linux[name] ?? []).length > 0) report.problem(needs("mount"), name);
  }
}

function netDevicesHaveNamespace(linux: Linux, report: Report): void {
  if (Object.keys(linux.netDevices ?? {}).length === 0 || hasNamespace(linux, "network")) return;
  report.problem(needs("network"), "netDevices");
}

function netDeviceNamesDiffer({ netDevices = {} }: Linux, report: Report): void {
  const taken = new Map<string, string>();
  for (const [host, { name = host }] of Object.entries(netDevices)) {
    const other = taken.get(name);
    if (other === undefined) taken.set(name, host);
    else
      report.problem(`is also the name that ${show(other)} gets: ${show(name)}`, "netDevices", host, "name");
  }
}

function namesHaveNamespace({ linux, hostname, domainname }: Config, report: Report): void {
  if (hasNamespace(linux, "uts")) return;
  if (hostname !== undefined) report.problem(needs("uts"), "hostname");
  if (domainname !== undefined) report.problem(needs("uts"), "domainname");
}
