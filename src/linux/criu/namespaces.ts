/** Namespaces that a container shares with others (external ones): criu(8) does not save their content. */

import type { Config } from "../../../runtime-spec/config.ts";
import type { NamespaceType } from "../../../runtime-spec/config-linux.ts";
import { status } from "../../kernel/files.ts";
import { fail } from "../../kernel/user-error.ts";
import { NAMESPACES, type NamespacePlan } from "../namespaces.ts";

/** The types that criu supports as external, and their names in runc's images. */
const EXTERNAL: { readonly [type in NamespaceType]?: string } = {
  network: "extRootNetNS",
  pid: "extRootPidNS",
};

/** The name of a type below /proc/PID/ns, which is also criu's name for it. */
function fileOf(type: NamespaceType): string {
  return NAMESPACES.find((kind) => kind.type === type)?.file ?? type;
}

function joinedBy({ linux }: Config) {
  return (linux?.namespaces ?? []).flatMap(({ type, path = "" }, index) =>
    path === "" ? [] : [{ type, path, where: `linux.namespaces[${index}]` }],
  );
}

/** For `criu dump`: `net[4026531840]:extRootNetNS` for each external one of the process. */
export function savedNamespaces(config: Config, pid: number): readonly string[] {
  return joinedBy(config).flatMap(({ type }) => {
    const name = EXTERNAL[type];
    const file = fileOf(type);
    return name === undefined ? [] : [`${file}[${status(`/proc/${pid}/ns/${file}`).inode}]:${name}`];
  });
}

/**
 * For `criu restore`: the namespaces of the plan that are passed to it as descriptors, and those that it joins by path.
 * @throws UserError
 */
export function restoredNamespaces(config: Config, { joins }: NamespacePlan) {
  const handed = joins.flatMap(({ type, fd }) => {
    const key = EXTERNAL[type];
    return key === undefined ? [] : [{ key, fd }];
  });
  const joined = joinedBy(config).flatMap(({ type, path, where }) => {
    if (EXTERNAL[type] !== undefined) return [];
    if (type === "cgroup" || type === "time")
      return fail(where, `criu cannot restore a container that joins a ${type} namespace`);
    return [{ type: fileOf(type), file: path }];
  });
  return { handed, joined };
}
