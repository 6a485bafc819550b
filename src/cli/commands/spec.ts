import type { Config, Process } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import { withVariables } from "../../container/caller/caller-descriptors.ts";
import { defaultConfig, rootlessConfig } from "../../container/default-config.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_CREAT, O_EXCL, O_WRONLY, S_IFDIR, S_IFMT } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { removeFile, statusIfThere, writeAll } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import { inPod } from "../flags/in-pod.ts";
import { mountFrom } from "../flags/mount.ts";
import { requireProcessFlags } from "../flags/process.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import type { Session } from "../session/session.ts";

type Spec = InvocationOf<"spec">;

/** `tsrun spec`: writes a config.json to start from, but never over an existing one. */
export function spec(invocation: Spec, { caller }: Session): number {
  const bundle = fromCaller(caller, invocation.flags.bundle ?? ".");
  const path = `${bundle}/config.json`;
  const text = `${JSON.stringify(configFor(invocation, caller), null, "\t")}\n`;
  const fd = attempt(openat(CWD, path, O_WRONLY | O_CREAT | O_EXCL, 0o666 & ~caller.umask));
  if (fd === -ERRNO.EEXIST)
    throw new UserError(`${path} exists already: remove it first, or name another --bundle`);
  if (fd === -ERRNO.ENOENT)
    throw new UserError(`cannot write ${path}: ${errnoWords(-fd)}; \`mkdir ${bundle}\` makes the directory`);
  if (fd < 0) throw new UserError(`cannot write ${path}: ${errnoWords(-fd)}`);
  try {
    writeAll(fd, text);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    removeFile(path); // half a config.json would be in the way of the next try
    throw new UserError(`cannot write ${path}: ${errnoWords(error.errno)}`);
  } finally {
    here(close(fd));
  }
  return 0;
}

/** The config for the place that the flags name, changed by what they say of its contents. */
function configFor(invocation: Spec, caller: Caller): Config {
  const { flags } = invocation;
  requireProcessFlags("spec", flags);
  const config = placedConfig(invocation, caller);
  const { process } = config;
  return {
    ...config,
    ...(process === undefined ? {} : { process: processFrom(process, invocation) }),
    ...(flags.rootfs === undefined ? {} : { root: { ...config.root, path: rootfsFrom(flags, caller) } }),
    mounts: [...(config.mounts ?? []), ...flags.mount.map((text) => mountFrom(caller, text))],
  };
}

function placedConfig({ globals, flags }: Spec, caller: Caller): Config {
  if (flags.sandbox !== undefined && flags.rootless)
    throw new UserError("spec", "--sandbox and --rootless do not go together yet");
  if (flags.rootless) return rootlessConfig(caller.uid, caller.gid);
  const config = defaultConfig();
  return flags.sandbox === undefined ? config : inPod(globals, flags.sandbox, caller, "spec")(config);
}

/** A pod's containers seldom run an interactive shell. */
function processFrom(shell: Process, { flags, args }: Spec): Process {
  return {
    ...shell,
    ...(flags.noTerminal || flags.sandbox !== undefined ? { terminal: false } : {}),
    ...(args.length === 0 ? {} : { args }),
    env: withVariables(shell.env ?? [], flags.env),
    cwd: flags.cwd ?? shell.cwd,
  };
}

/** What root.path is to be: relative to the bundle where it is in there, so that both can be moved. @throws UserError */
function rootfsFrom({ bundle = ".", rootfs = "" }: Spec["flags"], caller: Caller): string {
  const path = fromCaller(caller, rootfs);
  const found = statusIfThere(path);
  if (found === null) throw new UserError(`spec: --rootfs ${rootfs}`, `${path} does not exist`);
  if ((found.mode & S_IFMT) !== S_IFDIR)
    throw new UserError(`spec: --rootfs ${rootfs}`, `${path} is not a directory`);
  const above = `${fromCaller(caller, bundle)}/`;
  return path.startsWith(above) ? path.slice(above.length) : path;
}
