/** Configs with the properties that tsrun refuses or ignores, to show that it does. */
import type { Properties } from "../../src/cli/explain/claims.ts";
import type { JsonObject } from "../harness/bundle.ts";

const DEVICE = { major: 8, minor: 0 };

const resources = (limits: JsonObject): JsonObject => ({ linux: { resources: limits } });

/** By the properties as the claims write them. */
export const SAMPLES: Readonly<Record<Properties, JsonObject>> = {
  "process.commandLine": { process: { commandLine: "true" } },
  "linux.resources.cpu.realtimeRuntime": resources({ cpu: { realtimeRuntime: 1000 } }),
  "linux.resources.cpu.realtimePeriod": resources({ cpu: { realtimePeriod: 1000 } }),
  "linux.resources.blockIO.leafWeight": resources({ blockIO: { leafWeight: 100 } }),
  "linux.resources.blockIO.weightDevice[].leafWeight": resources({
    blockIO: { weightDevice: [{ ...DEVICE, leafWeight: 100 }] },
  }),
  "linux.resources.network linux.resources.network.classID": resources({ network: { classID: 7 } }),
  "linux.resources.network.priorities linux.resources.network.priorities[].{name,priority}": resources({
    network: { priorities: [{ name: "eth0", priority: 7 }] },
  }),
  "linux.resources.memory.{kernel,kernelTCP}": resources({ memory: { kernel: 1048576, kernelTCP: 1048576 } }),
  "linux.resources.memory.swappiness": resources({ memory: { swappiness: 10 } }),
  "linux.resources.memory.disableOOMKiller": resources({ memory: { disableOOMKiller: true } }),
  "linux.resources.memory.useHierarchy": resources({ memory: { useHierarchy: true } }),
  "linux.personality.flags": { linux: { personality: { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] } } },
};
