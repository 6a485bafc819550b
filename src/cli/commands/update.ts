import type { Resources } from "../../../runtime-spec/config-linux.ts";
import { parseJson } from "../../../runtime-spec/json.ts";
import { lineOf, validateResources } from "../../../runtime-spec/validate.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import { update as updateContainer } from "../../container/update.ts";
import { UserError } from "../../kernel/user-error.ts";
import { readNamed } from "../flags/named-file.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { doubt } from "../output/log.ts";
import type { Session } from "../session/session.ts";

type Flags = InvocationOf<"update">["flags"];

/** `tsrun update ID`: limits from flags, or from a JSON file or standard input. */
export async function update(
  { globals, flags, args: [id] }: InvocationOf<"update">,
  session: Session,
): Promise<number> {
  const { resources: file } = flags;
  const source = file === undefined ? "update" : file === "-" ? "standard input" : file;
  const warn = (line: string) => doubt(session, globals, line);
  const resources =
    file === undefined
      ? checked(source, fromFlags(flags), warn)
      : await fromFile(file, source, session, warn);
  const { l3CacheSchema, memBwSchema } = flags;
  try {
    await updateContainer(storeOf(globals, session.caller), id, resources, { l3CacheSchema, memBwSchema });
  } catch (error) {
    if (!(error instanceof UserError) || error.property === null) throw error;
    // The property is not in config.json but in what `update` was given.
    throw new UserError(`${source}: ${error.property.replace(/^linux\.(resources\.)?/, "")}`, error.problem);
  }
  return 0;
}

async function fromFile(
  file: string,
  source: string,
  session: Session,
  warn: (line: string) => void,
): Promise<Resources> {
  const text =
    file === "-"
      ? await session.readInput()
      : readNamed("update: --resources", fromCaller(session.caller, file));
  return checked(source, parseJson(text, source), warn);
}

function checked(source: string, value: unknown, warn: (line: string) => void): Resources {
  const { resources, problems, warnings: doubts } = validateResources(value);
  if (problems.length > 0) throw new UserError(problems.map((problem) => lineOf(source, problem)));
  for (const doubt of doubts) warn(lineOf(source, doubt));
  return resources;
}

/**
 * The flags as `linux.resources`; those that are ignored stay out, and settings of cgroup v1 alone are refused there.
 */
function fromFlags(flags: Flags): unknown {
  return {
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
  };
}
