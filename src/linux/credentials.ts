import type { Process } from "../../runtime-spec/config.ts";
import type { Program } from "../agent/program.ts";
import {
  CWD,
  close,
  fchdir,
  openat2,
  prctl,
  setgroups,
  setresgid,
  setresuid,
  umask,
} from "../kernel/calls.ts";
import {
  O_DIRECTORY,
  O_PATH,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  RESOLVE_NO_MAGICLINKS,
} from "../kernel/constants.ts";
import { gidList } from "../kernel/structs.ts";
import { dropBounding, setCapabilities } from "./capabilities.ts";

const DEFAULT_UMASK = 0o022;

/** Through a magic link such as /proc/self/fd/7 the path could lead out of the container (CVE-2024-21626). */
function enterDirectory(program: Program, path: string): void {
  program.by(`process.cwd (${path})`);
  const directory = program.add(openat2(CWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS));
  program.add(fchdir(directory));
  program.add(close(directory));
}

/**
 * Becomes the process's user: groups and ids, capabilities, current directory, umask, no_new_privs.
 * The order is forced: the bounding set and groups need the privileges that setresuid(2) and capset(2) end.
 */
export function takeIdentity(program: Program, process: Process): void {
  const {
    user: { uid = 0, gid = 0, additionalGids = [], umask: mask = DEFAULT_UMASK } = {},
    capabilities = {},
  } = process;
  dropBounding(program, capabilities);
  // A program without these may change its groups and ids only as the capability sets below allow.
  program.by("process.user.additionalGids").add(setgroups(gidList(additionalGids)));
  program.by("process.user.gid").add(setresgid(gid));
  program.by("process.user.uid").add(prctl(PR_SET_KEEPCAPS, 1));
  program.add(setresuid(uid));
  program.add(prctl(PR_SET_KEEPCAPS, 0));
  // The change of ids may have made the agent dumpable again: others in the container could ptrace it.
  program.add(prctl(PR_SET_DUMPABLE, 0));
  setCapabilities(program, capabilities);
  program.by("process.user.umask").add(umask(mask));
  enterDirectory(program, process.cwd);
  if (process.noNewPrivileges) program.by("process.noNewPrivileges").add(prctl(PR_SET_NO_NEW_PRIVS, 1));
}
