import type { Config } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import { defaultConfig, joinSandbox, rootlessConfig } from "../../container/default-config.ts";
import { requireStatus } from "../../container/state/verbs.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_CREAT, O_EXCL, O_WRONLY } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { readLink, writeAll } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import type { Session } from "../session.ts";
import { storeOf } from "../store-of.ts";

type Spec = InvocationOf<"spec">;

/** `tsrun spec`: writes a config.json to start from, but never over an existing one. */
export function spec(invocation: Spec, { caller }: Session): number {
  const path = `${fromCaller(caller, invocation.flags.bundle ?? ".")}/config.json`;
  const text = `${JSON.stringify(configFor(invocation, caller), null, "\t")}\n`;
  const fd = attempt(openat(CWD, path, O_WRONLY | O_CREAT | O_EXCL, 0o666 & ~caller.umask));
  if (fd === -ERRNO.EEXIST)
    throw new UserError(`${path} exists already: remove it first, or name another --bundle`);
  if (fd < 0) throw new UserError(`cannot write ${path}: ${errnoWords(-fd)}`);
  writeAll(fd, text);
  here(close(fd));
  return 0;
}

function configFor({ globals, flags }: Spec, caller: Caller): Config {
  if (flags.sandbox !== undefined && flags.rootless)
    throw new UserError("spec", "--sandbox and --rootless do not go together yet");
  if (flags.rootless) return rootlessConfig(caller.uid, caller.gid);
  if (flags.sandbox === undefined) return defaultConfig();
  const pid = sandboxPid(globals, flags.sandbox, caller);
  const inUser = readLink(`/proc/${pid}/ns/user`) !== caller.namespace("user");
  const config = joinSandbox(defaultConfig(), pid, { inUser });
  // A pod's containers seldom run an interactive shell.
  return config.process === undefined
    ? config
    : { ...config, process: { ...config.process, terminal: false } };
}

function sandboxPid(globals: Spec["globals"], id: string, caller: Caller): number {
  using directory = storeOf(globals, caller).open(id);
  return requireStatus("spec --sandbox", directory).saved.init.pid;
}
