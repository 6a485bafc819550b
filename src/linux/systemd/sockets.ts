import type { Caller, Environment } from "../../agent/caller.ts";
import { Connection } from "../../dbus/connection.ts";
import { SyscallError } from "../../kernel/call.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { statusIfThere } from "../../kernel/files.ts";
import type { FileStatus } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";

/** Which manager: the system's, or that of the user who runs tsrun. */
export type ManagerKind = "system" | "user";

/**
 * The manager that can make cgroups for the caller. Root in a user namespace is an ordinary user to the system's
 * manager. @throws UserError
 */
export function ownManager({ uid }: Pick<Caller, "uid">): ManagerKind {
  const booted = requireSystemd();
  return uid === 0 && booted.uid === 0 ? "system" : "user";
}

/** Where a manager can be reached: through a message bus, or at a socket of its own, which only its user may use. */
interface Place {
  readonly socket: string;
  readonly isBus: boolean;
}

export interface Reached {
  readonly connection: Connection;
  readonly isBus: boolean;
}

/** sd_booted(3) */
const BOOTED = "/run/systemd/system";

function requireSystemd(): FileStatus {
  const status = statusIfThere(BOOTED);
  if (status !== null) return status;
  throw new UserError(
    "--systemd-cgroup",
    `systemd does not run on this machine (there is no ${BOOTED}): leave the flag out, and give linux.cgroupsPath as a path`,
  );
}

/** Connects to the manager through the first socket that answers. @throws UserError */
export async function reachManager({ env }: Pick<Caller, "env">, kind: ManagerKind): Promise<Reached> {
  requireSystemd();
  const tried: string[] = [];
  for (const { socket, isBus } of kind === "system" ? systemPlaces(env) : userPlaces(env)) {
    try {
      return { connection: await Connection.to(socket), isBus };
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      tried.push(`${socket}: ${errnoWords(error.errno)}`);
    }
  }
  if (tried.length > 0) throw new UserError(`cannot reach systemd: ${tried.join("; ")}`);
  throw new UserError(
    "cannot reach the user's systemd: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set; log in as that user (su and sudo set neither), or use `loginctl enable-linger`",
  );
}

function systemPlaces({ DBUS_SYSTEM_BUS_ADDRESS: address }: Environment): Place[] {
  return [
    ...pathsIn(address || "unix:path=/run/dbus/system_bus_socket").map(asBus),
    { socket: "/run/systemd/private", isBus: false },
  ];
}

function userPlaces({ DBUS_SESSION_BUS_ADDRESS: address, XDG_RUNTIME_DIR: directory }: Environment): Place[] {
  if (!directory) return pathsIn(address ?? "").map(asBus);
  return [
    ...pathsIn(address || `unix:path=${directory}/bus`).map(asBus),
    { socket: `${directory}/systemd/private`, isBus: false },
  ];
}

const asBus = (socket: string): Place => ({ socket, isBus: true });

/** The paths in a list of addresses (D-Bus specification, "Server Addresses"), `unix:path=/run/bus;…`. */
function pathsIn(addresses: string): string[] {
  return addresses.split(";").flatMap((address) => {
    const path = /^unix:(?:.*,)?path=([^,]*)/.exec(address)?.[1];
    return path === undefined ? [] : [decodeURIComponent(path)];
  });
}
