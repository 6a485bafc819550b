/** As whom a process runs, where, and how it counts when memory is short. A program may change most of it by itself. */
import { PER_LINUX, PER_LINUX32 } from "../../../kernel/constants.ts";
import { readLink } from "../../../kernel/files.ts";
import type { FileStatus } from "../../../kernel/structs.ts";
import { keepsGroups } from "../../../linux/process/credentials.ts";
import { capabilitiesAfterExec } from "../capability-sets.ts";
import { type Area, changed, compared, differs, type Finding, same } from "../finding.ts";
import type { IdMap } from "../id-map.ts";
import type { Subject } from "../subject.ts";

/** Whether the program was given a capability, by which it may change something itself. */
function has({ bundle: { process } }: Subject, capability: string): boolean {
  return capabilitiesAfterExec(process).permitted.has(capability);
}

export const user: Area = {
  of: "process.user",
  look(subject) {
    const { uid = 0, gid = 0 } = subject.bundle.process.user ?? {};
    const ids = (path: string, field: string, map: IdMap, asked: number, capability: string) =>
      compared(path, idsIn(subject, field, map), String(asked), has(subject, capability) ? changed : differs);
    return [
      ids("process.user.uid", "Uid", subject.uids, uid, "CAP_SETUID"),
      ids("process.user.gid", "Gid", subject.gids, gid, "CAP_SETGID"),
      ...groups(subject),
    ];
  },
};

/** The ids of a line of `status` as the container has them: one, if the real, effective, saved and file system's agree. */
function idsIn(subject: Subject, field: string, map: IdMap): string {
  const names = ["real", "effective", "saved", "file system"];
  const ids = subject
    .field(field)
    .split(/\s+/)
    .map((id) => map.inside(Number(id)));
  const [first = ""] = ids;
  return ids.every((id) => id === first) ? first : ids.map((id, index) => `${names[index]} ${id}`).join(", ");
}

function groups(subject: Subject): readonly Finding[] {
  if (keepsGroups(subject.bundle.config)) return [];
  const path = "process.user.additionalGids";
  const { additionalGids = [] } = subject.bundle.process.user ?? {};
  const found = subject
    .field("Groups")
    .split(/\s+/)
    .filter(Boolean)
    .map((id) => subject.gids.inside(Number(id)));
  return [
    compared(
      path,
      list(found),
      list(additionalGids.map(String)),
      has(subject, "CAP_SETGID") ? changed : differs,
    ),
  ];
}

const list = (ids: readonly string[]) => [...new Set(ids)].sort().join(", ") || "none";

export const umask: Area = {
  of: "process.user.umask",
  look(subject) {
    const { umask: asked } = subject.bundle.process.user ?? {};
    if (asked === undefined) return [];
    return [compared("process.user.umask", subject.field("Umask"), octal(asked), changed)];
  },
};

const octal = (mode: number) => mode.toString(8).padStart(4, "0");

export const noNewPrivileges: Area = {
  of: "process.noNewPrivileges",
  look(subject) {
    const found = subject.field("NoNewPrivs") === "1";
    const { noNewPrivileges: asked = false } = subject.bundle.process;
    // Any process may set it, and none take it back.
    return [compared("process.noNewPrivileges", String(found), String(asked), asked ? differs : changed)];
  },
};

export const oomScoreAdj: Area = {
  of: "process.oomScoreAdj",
  look(subject) {
    const { oomScoreAdj: asked } = subject.bundle.process;
    if (asked === undefined) return [];
    return [compared("process.oomScoreAdj", subject.read("oom_score_adj").trim(), String(asked))];
  },
};

export const cwd: Area = {
  of: "process.cwd",
  look(subject) {
    const { cwd: asked } = subject.bundle.process;
    const there = subject.at(asked);
    const isThere = there !== null && isSame(there.status, subject.statusOf("cwd"));
    return [
      isThere ? same("process.cwd", asked) : changed("process.cwd", readLink("cwd", subject.proc), asked),
    ];
  },
};

const isSame = (one: FileStatus, other: FileStatus) =>
  one.inode === other.inode && `${one.device}` === `${other.device}` && one.mount === other.mount;

const DOMAINS: Readonly<Record<number, string>> = { [PER_LINUX]: "LINUX", [PER_LINUX32]: "LINUX32" };

/** The upper bits are flags. */
const DOMAIN_MASK = 0xff;

export const personality: Area = {
  of: "linux.personality",
  look(subject) {
    const asked = subject.bundle.config.linux?.personality?.domain;
    if (asked === undefined) return [];
    const domain = Number.parseInt(subject.read("personality"), 16) & DOMAIN_MASK;
    return [compared("linux.personality.domain", DOMAINS[domain] ?? String(domain), asked, changed)];
  },
};
