/** Which namespaces a process lives in, and what its own ones map. */
import { namespaceIndex } from "../../../../runtime-spec/config-linux.ts";
import { ERRNO } from "../../../kernel/errno.ts";
import { isErrno, readLink, statusIfThere } from "../../../kernel/files.ts";
import { NAMESPACES } from "../../../linux/namespaces.ts";
import { type Area, compared, differs, type Finding, same, unseen } from "../finding.ts";
import { mappingsText } from "../id-map.ts";
import type { Subject } from "../subject.ts";

type Kind = (typeof NAMESPACES)[number];

export const namespaces: Area = {
  of: "linux.namespaces",
  look: (subject) => NAMESPACES.flatMap((kind) => look(subject, kind)),
};

function look(subject: Subject, { type, file }: Kind): readonly Finding[] {
  const wanted = subject.bundle.config.linux?.namespaces ?? [];
  const index = namespaceIndex(wanted, type);
  const found = namespaceOf(subject, file);
  const path = index < 0 ? "linux.namespaces" : `linux.namespaces[${index}]`;
  if (found === null)
    return index < 0 ? [] : [differs(path, `no ${type} namespace: this kernel has none`, "one")];
  const isHosts = found === subject.caller.namespace(file);
  const joined = wanted[index]?.path;
  if (joined) return [joins(`${path}.path`, `${type} namespace ${found}`, joined)];
  const words = (host: boolean) => `${type} namespace: ${host ? "the host's" : "its own"}`;
  const asked = index < 0 ? `${words(true)}, as there is none in the list` : words(false);
  return [isHosts === index < 0 ? same(path, words(isHosts)) : differs(path, words(isHosts), asked)];
}

/** Null where the kernel has no such namespaces. */
function namespaceOf({ proc }: Subject, file: string): string | null {
  try {
    return readLink(`ns/${file}`, proc);
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT)) return null;
    throw error;
  }
}

function joins(path: string, found: string, joined: string): Finding {
  const there = statusIfThere(joined);
  if (there === null) return unseen(path, `${joined} is gone, so it can't be compared with ${found}`, joined);
  const isSame = found.endsWith(`:[${there.inode}]`);
  return isSame
    ? same(path, `${found}, that of ${joined}`)
    : differs(path, found, `that of ${joined}: [${there.inode}]`);
}

export const mappings: Area = {
  of: "linux.uidMappings",
  look({
    uids,
    gids,
    bundle: {
      config: { linux },
    },
  }) {
    if (linux?.namespaces?.every(({ type }) => type !== "user") ?? true) return [];
    const of = { uidMappings: uids, gidMappings: gids };
    return (["uidMappings", "gidMappings"] as const).flatMap((name) =>
      linux?.[name] === undefined
        ? []
        : [compared(`linux.${name}`, mappingsText(of[name].ranges), mappingsText(linux[name]))],
    );
  },
};

export const timeOffsets: Area = {
  of: "linux.timeOffsets",
  look(subject) {
    const asked = subject.bundle.config.linux?.timeOffsets ?? {};
    const lines =
      subject.bundle.config.linux?.timeOffsets === undefined ? "" : subject.read("timens_offsets");
    return (["monotonic", "boottime"] as const).flatMap((clock) => {
      if (asked[clock] === undefined) return [];
      const { secs = 0, nanosecs = 0 } = asked[clock];
      const [, found = "none"] = new RegExp(`^${clock}\\s+(.*)$`, "m").exec(lines) ?? [];
      return [
        compared(`linux.timeOffsets.${clock}`, found.trim().replace(/\s+/, " "), `${secs} ${nanosecs}`),
      ];
    });
  },
};
