/**
 * Labels that confine a process from its execve(2) on: an AppArmor profile, an SELinux label; and the SELinux label of
 * the files in new file systems.
 *
 * Only the process itself may write them, to its files in /proc. It reaches these through a procfs of tsrun's own that
 * is mounted nowhere: whatever an image or a container has mounted over /proc, no other file can be written instead, or
 * pretend to have taken the label (CVE-2025-52881).
 *
 * Loaded only for the containers and processes that ask for it.
 */
import type { Config, Mount, Process } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import type { Program } from "../../agent/program.ts";
import { close, fsconfigCreate, fsmount, fsopen, openat2, write } from "../../kernel/calls.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
} from "../../kernel/constants.ts";
import { readTextIfThere } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";
import { isBind } from "../mounts/mount-options.ts";

const encoder = new TextEncoder();

/** Whether the kernel has SELinux and it was not switched off at boot. */
function hasSelinux(): boolean {
  return /\bselinuxfs$/m.test(readTextIfThere("/proc/filesystems") ?? "");
}

function hasAppArmor(): boolean {
  return readTextIfThere("/sys/module/apparmor/parameters/enabled")?.startsWith("Y") ?? false;
}

/** What writes the labels of a process; null when it wants none. @throws UserError */
export function labelsOf(caller: Caller, process: Process): ProcessLabels | null {
  return process.apparmorProfile || process.selinuxLabel ? new ProcessLabels(caller, process) : null;
}

/** Writes the labels of one process. The agent that is started next inherits its procfs. */
export class ProcessLabels implements Disposable {
  private readonly profile: string;
  private readonly context: string;
  private readonly proc: number;
  /** The same in agents. */
  private readonly passed: number;

  /** @throws UserError when the kernel lacks what the process asks for */
  constructor(caller: Caller, { apparmorProfile = "", selinuxLabel = "" }: Process) {
    if (apparmorProfile !== "" && !hasAppArmor())
      fail(
        "process.apparmorProfile",
        `cannot apply ${apparmorProfile}: this kernel has no AppArmor, or it is off`,
      );
    if (selinuxLabel !== "" && !hasSelinux())
      fail("process.selinuxLabel", `cannot apply ${selinuxLabel}: this kernel has no SELinux, or it is off`);
    this.profile = apparmorProfile;
    this.context = selinuxLabel;
    this.proc = detachedProc();
    [this.passed = -1] = caller.pass([this.proc]);
  }

  /**
   * Adds the steps after which execve(2) gives the process its labels. `keyring` adds those that make or join its
   * session keyring, which must have the same label for the process to use it.
   */
  label(program: Program, keyring: () => void): void {
    if (this.context !== "") this.write(program, "process.selinuxLabel", "keycreate", this.context);
    keyring();
    if (this.context !== "") {
      this.write(program, "process.selinuxLabel", "keycreate", "\n"); // clears it
      this.write(program, "process.selinuxLabel", "exec", this.context);
    }
    if (this.profile !== "")
      this.write(program, "process.apparmorProfile", "apparmor/exec", `exec ${this.profile}`);
  }

  private write(program: Program, where: string, file: string, text: string): void {
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    program.by(`config.json: ${where} (${text.trim()})`);
    const opened = program.add(openat2(this.passed, `thread-self/attr/${file}`, O_WRONLY, resolve));
    program.add(write(opened, encoder.encode(text)));
    program.add(close(opened));
  }

  [Symbol.dispose](): void {
    here(close(this.proc));
  }
}

/** A new procfs of tsrun's pid namespace. Agents in inner pid namespaces are visible there too. */
function detachedProc(): number {
  const fs = here(fsopen("proc"));
  here(fsconfigCreate(fs));
  const proc = here(fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  here(close(fs));
  return proc;
}

/** File systems that give their files labels of their own. */
const SELF_LABELLED: readonly string[] = ["proc", "sysfs", "cgroup", "cgroup2", "mqueue"];

/** The config with `linux.mountLabel` as an option of each new file system. @throws UserError without SELinux */
export function withMountLabel(config: Config): Config {
  const { linux: { mountLabel = "" } = {}, mounts = [] } = config;
  if (mountLabel === "") return config;
  if (!hasSelinux())
    fail("linux.mountLabel", `cannot apply ${mountLabel}: this kernel has no SELinux, or it is off`);
  const labelled = (mount: Mount) =>
    isBind(mount) || mount.options?.includes("remount") || SELF_LABELLED.includes(mount.type ?? "none")
      ? mount
      : { ...mount, options: [...(mount.options ?? []), `context=${mountLabel}`] };
  return { ...config, mounts: mounts.map(labelled) };
}
