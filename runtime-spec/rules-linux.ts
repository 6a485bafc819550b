/** What ties properties together in mounts, devices and the smaller parts of `linux`. */

import { Mount } from "./config.ts";
import { Device, MemoryPolicy, Personality } from "./config-linux.ts";
import { type Report, show } from "./report.ts";
import { rule } from "./walk.ts";

export const LINUX_RULES = [
  rule(Mount, destinationIsAbsolute, ["destination"]),
  rule(Mount, bindHasSource, ["type", "source", "options"]),
  rule(Device, deviceHasNumbers),
  rule(MemoryPolicy, memoryPolicyHasNodes, ["mode", "nodes"]),
  rule(MemoryPolicy, memoryPolicyFlagsFit, ["mode", "flags"]),
  rule(Personality, personalityFlagsAreIgnored, ["flags"]),
];

/** The spec asks for absolute ones, and lets runtimes take old configs' relative ones from "/". */
function destinationIsAbsolute({ destination }: Mount, report: Report): void {
  if (destination.startsWith("/")) return;
  report.warning(`should be absolute, and is taken from "/": ${show(destination)}`, "destination");
}

function bindHasSource({ type, source, options = [] }: Mount, report: Report): void {
  const bind = type === "bind" || options.includes("bind") || options.includes("rbind");
  if (bind && source === undefined && !options.includes("remount"))
    report.problem("is required for a bind mount", "source");
}

/** A FIFO has no numbers, every other device has two. */
function deviceHasNumbers(device: Device, report: Report): void {
  if (device.type === "p") return;
  for (const name of ["major", "minor"] as const) {
    if (device[name] === undefined) report.problem(`is required for a device of type "${device.type}"`, name);
  }
}

/** See set_mempolicy(2); MPOL_PREFERRED goes with and without nodes. */
function memoryPolicyHasNodes({ mode, nodes }: MemoryPolicy, report: Report): void {
  if (mode === "MPOL_PREFERRED") return;
  const nodeless = mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL";
  if (nodeless && nodes !== undefined)
    report.problem(`has no meaning with ${mode}, found ${show(nodes)}`, "nodes");
  if (!nodeless && nodes === undefined) report.problem(`is required with ${mode}`, "nodes");
}

function memoryPolicyFlagsFit({ mode, flags = [] }: MemoryPolicy, report: Report): void {
  if (flags.includes("MPOL_F_STATIC_NODES") && flags.includes("MPOL_F_RELATIVE_NODES")) {
    report.problem("must not have both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES", "flags");
  }
  const balancing = flags.indexOf("MPOL_F_NUMA_BALANCING");
  if (balancing !== -1 && mode !== "MPOL_BIND" && mode !== "MPOL_PREFERRED_MANY") {
    report.problem(
      `MPOL_F_NUMA_BALANCING needs MPOL_BIND or MPOL_PREFERRED_MANY, found ${mode}`,
      "flags",
      balancing,
    );
  }
}

function personalityFlagsAreIgnored({ flags = [] }: Personality, report: Report): void {
  if (flags.length > 0) report.warning("is ignored: the spec defines no flags yet", "flags");
}
