import type { Config } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { joinSandbox } from "../../container/default-config.ts";
import { requireStatus } from "../../container/state/verbs.ts";
import { readLink } from "../../kernel/files.ts";
import type { Globals } from "../grammar/table.ts";
import { storeOf } from "./store-of.ts";

/** What makes a config that of a workload in the pod whose sandbox has this id. @throws UserError unless that runs */
export function inPod(
  globals: Globals,
  id: string,
  caller: Caller,
  command: "spec" | "unpack",
): (config: Config) => Config {
  using directory = storeOf(globals, caller).open(id);
  const { pid } = requireStatus(`${command} --sandbox`, directory).saved.init;
  const inUser = readLink(`/proc/${pid}/ns/user`) !== caller.namespace("user");
  return (config) => joinSandbox(config, pid, { inUser });
}
