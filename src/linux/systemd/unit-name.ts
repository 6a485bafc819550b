import { fail } from "../../kernel/user-error.ts";

/** From a `linux.cgroupsPath` for systemd, `slice:prefix:name`, to a unit and its cgroup. */

const WHERE = "linux.cgroupsPath";
const FORM = "slice:prefix:name, such as system.slice:tsrun:web";

/** The characters that a unit's name may have, and its length (systemd.unit(5)). */
const NAME = /^[\w:.\\@-]+$/;
const MOST_LETTERS = 255;
/** Names that could be those of cgroup files; systemd puts an underscore before such a cgroup's name (cg_escape). */
const ESCAPED = /^([_.]|(cgroup|cpu|cpuset|io|memory|pids|hugetlb|rdma|misc|devices|blkio|freezer)\.)/;

/** The unit of a container. */
interface UnitPlace {
  readonly unit: string;
  readonly slice: string;
  /** The cgroup that systemd makes for it, relative to the manager's own: `/a.slice/a-b.slice/tsrun-web.scope`. */
  readonly cgroup: string;
}

/**
 * The scope of a container, named as in runc: `prefix-name.scope` in `slice`; a name that ends in `.slice` is used as
 * the unit's. Without a cgroupsPath it is `tsrun-ID.scope` in the slice `usualSlice`.
 * @throws UserError
 */
export function unitPlace(cgroupsPath: string | undefined, id: string, usualSlice: string): UnitPlace {
  const parts = cgroupsPath ? cgroupsPath.split(":") : ["", "tsrun", id];
  const [slice = "", prefix = "", name = ""] = parts;
  if (parts.length !== 3)
    return fail(WHERE, `with --systemd-cgroup it must be ${FORM}; found "${cgroupsPath}"`);
  if (name === "") return fail(WHERE, `"${cgroupsPath}" has no name in it: it must be ${FORM}`);
  if (name.endsWith(".slice"))
    return fail(WHERE, `"${name}" names a slice, but containers are made in scopes: choose another name`);
  const unit = `${prefix}-${name}.scope`;
  if (!NAME.test(unit) || unit.length > MOST_LETTERS)
    return fail(
      WHERE,
      `"${unit}" is not a unit name: use letters, digits, "_", "-", ".", "@" and "\\", ${MOST_LETTERS} at most`,
    );
  const parent = slice || usualSlice;
  return { unit, slice: parent, cgroup: `${expandSlice(parent)}/${escaped(unit)}` };
}

/** `/a.slice/a-b.slice` for `a-b.slice`; nothing for the root slice `-.slice` (systemd.slice(5)). @throws UserError */
export function expandSlice(slice: string): string {
  if (slice === "-.slice") return "";
  const names = slice.slice(0, -".slice".length).split("-");
  if (!slice.endsWith(".slice") || names.includes("") || !NAME.test(slice) || slice.length > MOST_LETTERS)
    return fail(
      WHERE,
      `"${slice}" is not a slice name: it must be like "system.slice", or "a-b.slice" for one in a.slice`,
    );
  return names.map((_, index) => `/${escaped(`${names.slice(0, index + 1).join("-")}.slice`)}`).join("");
}

function escaped(name: string): string {
  return ESCAPED.test(name) ? `_${name}` : name;
}
