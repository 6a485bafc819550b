/** An ordinary user who has logged in, with a systemd of the user's own. */
import { command } from "../../harness/mount.ts";
import { GID, UID } from "../../harness/ordinary-user.ts";

/** The manager of a user who has logged in, as logind starts it, and its cgroup, which is the user's. */
export const MANAGER = `user@${UID}.service`;
export const RUNTIME = `/run/user/${UID}`;
export const DELEGATED = `/sys/fs/cgroup/user.slice/user-${UID}.slice/${MANAGER}`;

export function addUser(): void {
  command("groupadd", "--gid", String(GID), "tsrun-test");
  command("useradd", "--uid", String(UID), "--gid", String(GID), "--no-create-home", "tsrun-test");
  command("systemctl", "start", MANAGER);
}

export function removeUser(): void {
  command("systemctl", "stop", MANAGER);
  command("userdel", "tsrun-test");
}
