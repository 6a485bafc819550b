import type { Resources } from "../../runtime-spec/config-linux.ts";
import { parseJson } from "../../runtime-spec/json.ts";
import { validateResources } from "../../runtime-spec/validate.ts";
import { Failure } from "../container/failure.ts";
import { fromCaller } from "../container/host-paths.ts";
import { update as updateContainer } from "../container/update.ts";
import { readAll, readText } from "../kernel/files.ts";
import type { InvocationOf } from "./parse.ts";
import { storeOf } from "./store-of.ts";

type Flags = InvocationOf<"update">["flags"];

/** `tsrun update ID`: limits from flags, or from a JSON file or standard input. */
export async function update({ globals, flags, args: [id] }: InvocationOf<"update">): Promise<number> {
  if (flags.l3CacheSchema !== undefined || flags.memBwSchema !== undefined)
    throw new Failure("update: Intel RDT schemas are not supported yet");
  const resources = flags.resources === undefined ? fromFlags(flags) : fromFile(flags.resources);
  await updateContainer(storeOf(globals), id, resources);
  return 0;
}

function fromFile(file: string): Resources {
  const text = file === "-" ? new TextDecoder().decode(readAll(0)) : readText(fromCaller(file));
  return checked(file === "-" ? "standard input" : file, parseJson(text, file));
}

function checked(source: string, value: unknown): Resources {
  const { resources, problems } = validateResources(value);
  if (problems.length > 0)
    throw new Failure(problems.map(({ path, message }) => `${source}: ${path}: ${message}`).join("\n"));
  return resources;
}

/** The flags as `linux.resources`; absent ones, and those that name cgroup v1's own settings, stay out or are refused there. */
function fromFlags(flags: Flags): Resources {
  return checked("update", {
    cpu: {
      shares: flags.cpuShare,
      quota: flags.cpuQuota,
      period: flags.cpuPeriod,
      burst: flags.cpuBurst,
      idle: flags.cpuIdle,
      realtimePeriod: flags.cpuRtPeriod,
      realtimeRuntime: flags.cpuRtRuntime,
      cpus: flags.cpusetCpus,
      mems: flags.cpusetMems,
    },
    memory: { limit: flags.memory, reservation: flags.memoryReservation, swap: flags.memorySwap },
    ...(flags.pidsLimit === undefined ? {} : { pids: { limit: flags.pidsLimit } }),
    blockIO: { weight: flags.blkioWeight },
  });
}
