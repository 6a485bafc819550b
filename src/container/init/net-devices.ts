/**
 * `linux.netDevices`: interfaces of the host that move into the container (config-linux.md#network-devices). Their
 * addresses, which the kernel drops when an interface moves, are set again.
 *
 * When the container's network namespace ends, the kernel itself gives physical interfaces back and removes virtual
 * ones. Loaded only for the containers that ask for it.
 */

import type { NetDevice } from "../../../runtime-spec/config-linux.ts";
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat, socket } from "../../kernel/calls.ts";
import { AF_NETLINK, CLONE_NEWNET, O_RDONLY, SOCK_RAW } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { here } from "../../kernel/here.ts";
import {
  type Address,
  addAddress,
  findInterface,
  globalAddresses,
  moveInterface,
  setUp,
} from "../../kernel/interfaces.ts";
import { fetchDescriptor } from "../../kernel/socket.ts";
import { fail } from "../../kernel/user-error.ts";
import { Agent } from "./agent.ts";

type NetDevices = Readonly<Record<string, NetDevice>>;

/** An interface that has been moved, as it was on the host. */
interface Moved {
  readonly hostName: string;
  readonly name: string;
  readonly up: boolean;
  readonly addresses: readonly Address[];
}

/** A network namespace and a NETLINK_ROUTE socket in it. */
interface Side {
  readonly namespace: number;
  readonly socket: number;
}

/** Moves interfaces to the network namespace of a process. @throws UserError; then none has moved */
export async function moveNetDevices(
  caller: Caller,
  pid: number,
  devices: NetDevices,
): Promise<MovedDevices> {
  const moved = new MovedDevices(await containerSide(caller, pid));
  try {
    for (const [hostName, { name = hostName }] of Object.entries(devices)) moved.move(hostName, name);
    return moved;
  } catch (error) {
    moved.giveBack();
    moved.close();
    throw error;
  }
}

class MovedDevices {
  private readonly host: Side;
  private readonly container: Side;
  private readonly moved: Moved[] = [];

  constructor(container: Side) {
    this.container = container;
    this.host = {
      namespace: here(openat(CWD, "/proc/thread-self/ns/net", O_RDONLY)),
      socket: here(socket(AF_NETLINK, SOCK_RAW)),
    };
  }

  /** @throws UserError */
  move(hostName: string, name: string): void {
    const { host, container } = this;
    const where = `linux.netDevices[${JSON.stringify(hostName)}]`;
    const found = findInterface(host.socket, hostName);
    if (found === null) fail(where, `there is no network interface ${hostName} on the host`);
    if (findInterface(container.socket, name) !== null)
      fail(where, `the container's network namespace has an interface ${name} already`);
    const addresses = globalAddresses(host.socket, found.index);
    try {
      setUp(host.socket, found.index, false);
      moveInterface(host.socket, found.index, container.namespace, name);
      this.moved.push({ hostName, name, up: found.up, addresses });
      arrive(container, name, addresses, true);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (found.up && findInterface(host.socket, hostName) !== null) setUp(host.socket, found.index, true);
      fail(where, `cannot move it to the container as ${name}: ${complaint(error.errno)}`);
    }
  }

  /** Undoes the moves, as far as the kernel lets it. */
  giveBack(): void {
    for (const { hostName, name, up, addresses } of this.moved.reverse()) {
      try {
        const found = findInterface(this.container.socket, name);
        if (found === null) continue;
        setUp(this.container.socket, found.index, false);
        moveInterface(this.container.socket, found.index, this.host.namespace, hostName);
        arrive(this.host, hostName, addresses, up);
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error; // the error that led here is the one to report
      }
    }
  }

  close(): void {
    for (const { namespace, socket } of [this.host, this.container])
      for (const fd of [namespace, socket]) here(close(fd));
  }
}

/** Gives an interface its addresses back where it is now. @throws SyscallError */
function arrive({ socket }: Side, name: string, addresses: readonly Address[], up: boolean): void {
  const index = findInterface(socket, name)?.index;
  if (index === undefined) throw new SyscallError({ name: "sendto", args: ["netlink"] }, ERRNO.ENODEV);
  for (const address of addresses) addAddress(socket, index, address);
  if (up) setUp(socket, index, true);
}

function complaint(errno: number): string {
  const hint = errno === ERRNO.EINVAL ? "; the kernel lets not every kind of interface move" : "";
  return `netlink: ${errnoWords(errno)}${hint}`;
}

async function containerSide(caller: Caller, pid: number): Promise<Side> {
  const namespace = here(openat(CWD, `/proc/${pid}/ns/net`, O_RDONLY));
  return { namespace, socket: await socketIn(caller, namespace) };
}

/** A socket in another network namespace. Only a process in there can make it: an agent that ends at once. */
async function socketIn(caller: Caller, namespace: number): Promise<number> {
  const joins = [
    { type: "network", flag: CLONE_NEWNET, fd: namespace, where: "config.json: linux.netDevices" },
  ] as const;
  await using agent = Agent.start(caller, { created: new Set(), joins }, null);
  const { program } = agent.init;
  const made = program.by("config.json: linux.netDevices").add(socket(AF_NETLINK, SOCK_RAW));
  await agent.run();
  return fetchDescriptor(await agent.waitForInit(), agent.init.result(made));
}
