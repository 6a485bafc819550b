/** What an init would do for a config, as data. */

import type { Config } from "../../../runtime-spec/config.ts";
import type { NamespaceType } from "../../../runtime-spec/config-linux.ts";
import { OwnCaller } from "../../../src/agent/own-caller.ts";
import { Program, type Step } from "../../../src/agent/program.ts";
import { becomeUser, leaveHost, setUp } from "../../../src/container/init/init-program.ts";
import { makeKeyring } from "../../../src/linux/process/keyring.ts";

interface Place {
  readonly path: string;
  readonly rootfs: string;
}

/** The whole program of an init with new namespaces of these types. */
export function initProgram(
  config: Config,
  created: readonly NamespaceType[],
  place: Place,
  keyring = false,
): readonly Step[] {
  const { process } = config;
  if (process === undefined) throw new Error("the config has a process");
  const bundle = { ...place, config, process, text: JSON.stringify(config), doubts: [] };
  const program = new Program();
  const hasUserNamespace = created.includes("user");
  const subject = {
    process,
    linux: config.linux,
    hasUserNamespace,
    unprivileged: null,
    caller: new OwnCaller(),
    keepGroups: false,
    keyring: keyring ? (steps: Program) => makeKeyring(steps, "_ses.x") : null,
    labels: null,
    landlock: null,
    filtered: config.linux?.seccomp !== undefined,
    warn: null,
    scheduling: null,
  };
  const { tree } = setUp(program, {
    bundle,
    namespaces: { created: new Set(created), joins: [] },
    subject,
    openOnHost: null,
    preparedMounts: null,
    inUserNamespace: hasUserNamespace,
    cgroups: "/sys/fs/cgroup",
    coversRootfs: false,
    hostHasKcore: false,
    privateParent: null,
  });
  leaveHost(program, new OwnCaller(), tree, bundle);
  becomeUser(program, subject, { preservedFds: 0, uidMappings: [] });
  return program.steps;
}
