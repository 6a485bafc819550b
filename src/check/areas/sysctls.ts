import { sysctlNamespace } from "../../../runtime-spec/rules-sysctl.ts";
import { openat2, write } from "../../kernel/calls.ts";
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  O_RDWR,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from "../../kernel/constants.ts";
import { sysctlPath } from "../../linux/sysctl.ts";
import type { Area, Feature } from "../feature.ts";
import { detached } from "../isolation.ts";

const encoder = new TextEncoder();

/**
 * The namespaces that a container must have of its own for a sysctl to be its own: those that sysctls are tried in; and
 * the one that a proc file system is mounted in.
 */
const NAMESPACES = CLONE_NEWIPC + CLONE_NEWNET + CLONE_NEWNS + CLONE_NEWUTS + CLONE_NEWPID;

/** What containers set most. */
const SYSCTLS = [
  ...["kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax"],
  ...["kernel.shmmni", "kernel.shm_rmid_forced", "fs.mqueue.msg_max", "kernel.domainname"],
  ...["net.core.somaxconn", "net.ipv4.ip_forward", "net.ipv4.ip_local_port_range"],
  ...["net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_syncookies"],
  "net.ipv6.conf.all.disable_ipv6",
];

/** The groups that may at first, 1 to 0, need not be mapped in an ordinary user's namespace. */
const VALUES: Readonly<Record<string, string>> = { "net.ipv4.ping_group_range": "0 0" };

/** Writes to a sysctl of new namespaces what it is already, or may be. */
export function sysctlFeature(key: string): Feature {
  return {
    name: `sysctl.${key}`,
    title: key,
    config: [`linux.sysctl["${key}"]`],
    probe({ subject }) {
      const own = sysctlNamespace(key) === "user" ? CLONE_NEWUSER : 0;
      const child = subject.child(NAMESPACES + own);
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
      const file = child.do(openat2(detached(child, "proc"), sysctlPath(key), O_RDWR, resolve));
      child.do(write(file, encoder.encode(VALUES[key] ?? child.read(file))));
    },
  };
}

export const sysctls: Area = {
  name: "sysctls",
  listed: "linux.sysctl",
  features: SYSCTLS.map(sysctlFeature),
};
