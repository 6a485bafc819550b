import type { Config, Process } from "../../../runtime-spec/config.ts";
import { formatJson } from "../../../runtime-spec/json.ts";
import type { MailboxSize } from "../../agent/mailbox-file.ts";
import { isAbsolute } from "../../linux/paths.ts";
import { variable } from "../../linux/process/environment.ts";
import type { SeccompFilter } from "../../linux/seccomp/filter.ts";
import type { Bundle } from "../bundle.ts";
import { executionSize } from "./init-program.ts";
import type { PreparedMounts } from "./prepared-mounts.ts";

const encoder = new TextEncoder();

/** Upper bounds for the init's program: a mount or a path takes some 30 steps at most. */
export function mailboxSize(
  { path, config, process }: Bundle,
  filter: SeccompFilter | null,
  prepared: PreparedMounts | null,
): MailboxSize {
  const { devices = [], maskedPaths = [], readonlyPaths = [], sysctl = {} } = config.linux ?? {};
  const { mounts = [] } = config;
  const paths = maskedPaths.length + readonlyPaths.length + Object.keys(sysctl).length;
  const things = mounts.length + devices.length + paths;
  const places = [...mounts.map(({ destination }) => destination), ...devices.map(({ path }) => path)];
  let [names, walked] = [0, 0];
  // A directory is walked to name by name, and each time from the root.
  for (const path of [...places, process.cwd]) {
    const count = path.split("/").length;
    names += count;
    walked += count * (encoder.encode(path).byteLength + 64);
  }
  const length = lengthForInit(config, process);
  const sources = mounts.filter(({ source = "" }) => !isAbsolute(source)).length * 3 * path.length; // from the bundle on
  const [program = ""] = process.args;
  const candidates = 8 + searchPath(process).split(":").length; // without PATH there are six
  return {
    // Options of mounts take a step each.
    steps: 512 + 32 * things + 3 * names + 3 * candidates + (length >> 3) + (prepared?.steps ?? 0),
    data:
      98_304 +
      8 * length +
      256 * paths +
      sources +
      walked +
      candidates * (3 * program.length + 64) +
      (prepared?.data ?? 0),
    execution: executionSize(process, filter),
  };
}

/** Where `args[0]` is looked for. */
const searchPath = ({ env = [] }: Process) => variable(env, "PATH") ?? "";

/** The length of the config without large parts that the init's program does not contain. */
function lengthForInit({ linux, ...others }: Config, process: Process): number {
  const none = { annotations: undefined, hooks: undefined };
  const ours = { ...process, args: undefined, env: searchPath(process) };
  return formatJson({ ...others, ...none, process: ours, linux: { ...linux, seccomp: undefined } }).length;
}
