/** Namespaces of a container that are not its own: criu(8) leaves what they hold to whoever made them. */
import type { Config } from "../../../runtime-spec/config.ts";
import type { NamespaceType } from "../../../runtime-spec/config-linux.ts";
import { status } from "../../kernel/files.ts";
import { fail } from "../config-error.ts";
import { NAMESPACES, openNamespaces } from "../namespaces.ts";

/** The kinds that criu takes as external, and the names that runc gives them in the images. */
const EXTERNAL: { readonly [type in NamespaceType]?: string } = {
  network: "extRootNetNS",
  pid: "extRootPidNS",
};

/** The name of a kind below /proc/PID/ns, which is criu's name for it, too. */
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
 * For `criu restore`: the namespaces that it joins by itself, and those that it is handed as descriptors, opened.
 * @throws ConfigError
 */
export function restoredNamespaces(config: Config) {
  const { joins, created } = openNamespaces(config); // checks them all
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
  return {
    handed,
    joined,
    opened: joins.map(({ fd }) => fd),
    createsPid: created.has("pid"),
    createsUser: created.has("user"),
  };
}
