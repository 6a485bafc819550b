/** `User` of an image's config: USER, USER:GROUP, by number, or by name as the image's own files have it. */
import type { Process } from "../../runtime-spec/config.ts";
import { close } from "../kernel/calls.ts";
import { AT_EMPTY_PATH, O_PATH } from "../kernel/constants.ts";
import { openRegular, readAll, status } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { Opened } from "../kernel/opened.ts";
import { UserError } from "../kernel/user-error.ts";
import type { RootTree } from "./layers/root-tree.ts";

export type User = NonNullable<Process["user"]>;

/** More is no list of users. */
const MOST_BYTES = 4 << 20;

/** However large: a number is no name. */
const NUMBER = /^\d+$/;
const MOST_ID = 0xffff_fffe;

/** The ids of the user, and of the groups that the image's /etc/group lists it in. @throws UserError */
export function userOf(name: string | undefined, tree: RootTree): User {
  const [user = "", group] = (name ?? "").split(":");
  const users = linesOf(tree, "etc/passwd");
  const groups = linesOf(tree, "etc/group");
  const known = NUMBER.test(user)
    ? users.find(([, , uid]) => uid === user)
    : users.find(([one]) => one === user);
  const uid = user === "" ? 0 : idOf(user, known?.[2], name, "/etc/passwd", "user");
  const own = user === "" ? users.find(([, , one]) => one === "0") : known;
  if (group !== undefined && group !== "") {
    const found = groups.find(([one]) => one === group);
    return { uid, gid: idOf(group, found?.[2], name, "/etc/group", "group") };
  }
  const gid = NUMBER.test(own?.[3] ?? "") ? Number(own?.[3]) : 0;
  const login = own?.[0];
  const additional = groups
    .filter(([, , , members = ""]) => login !== undefined && members.split(",").includes(login))
    .map(([, , id = ""]) => id)
    .filter((id) => NUMBER.test(id) && Number(id) !== gid)
    .map(Number);
  return { uid, gid, ...(additional.length > 0 && { additionalGids: [...new Set(additional)] }) };
}

function idOf(
  given: string,
  found: string | undefined,
  whole: string | undefined,
  file: string,
  what: string,
): number {
  const id = NUMBER.test(given) ? given : (found ?? "");
  if (NUMBER.test(id) && Number(id) <= MOST_ID) return Number(id);
  const why =
    found === undefined && !NUMBER.test(given)
      ? `its ${file} has no such ${what}`
      : `${id || given} is no id`;
  throw new UserError(`names the user ${JSON.stringify(whole)}: ${why}`);
}

/** The fields of a file like passwd(5) in the image; none when it isn't there. */
function linesOf(tree: RootTree, path: string): readonly (readonly string[])[] {
  const place = tree.open(path, O_PATH);
  if (place < 0) return [];
  using opened = new Opened();
  opened.defer(() => void here(close(place)));
  if (status("", AT_EMPTY_PATH, place).size > MOST_BYTES) return [];
  const fd = openRegular(place); // an image may have a device there
  if (fd === null || fd < 0) return [];
  opened.defer(() => void here(close(fd)));
  const text = new TextDecoder().decode(readAll(fd, MOST_BYTES));
  return text.split("\n").map((line) => line.trim().split(":"));
}
