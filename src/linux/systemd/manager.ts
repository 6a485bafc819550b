/** systemd's manager of units, as far as containers need it (org.freedesktop.systemd1(5)). */

import type { Caller } from "../../agent/caller.ts";
import { BusError, BusLostError, type Connection, type MethodCall } from "../../dbus/connection.ts";
import type { Message } from "../../dbus/message.ts";
import type { Value, Variant } from "../../dbus/values.ts";
import { UserError } from "../../kernel/user-error.ts";
import { type ManagerKind, type Reached, reachManager } from "./sockets.ts";
import { property, type UnitProperty } from "./unit-property.ts";

const SYSTEMD = "org.freedesktop.systemd1";
const MANAGER = { destination: SYSTEMD, path: "/org/freedesktop/systemd1", interface: `${SYSTEMD}.Manager` };
const PROPERTIES = "org.freedesktop.DBus.Properties";
const BUS = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
};

const NO_SUCH_UNIT = `${SYSTEMD}.NoSuchUnit`;
const UNIT_EXISTS = `${SYSTEMD}.UnitExists`;

/** How long systemd may take for a call or a job, in milliseconds; runc's choice. */
const PATIENCE = 30_000;
/** How long systemd may take to drop a unit that has ended, in milliseconds. */
const LEFTOVER_PATIENCE = 5000;
const LEFTOVER_PAUSE = 10;

/** Another unit has this name. */
export class UnitTakenError extends UserError {}

/** A unit that is being started. */
export interface Starting {
  readonly unit: string;
  readonly properties: readonly UnitProperty[];
  readonly serial: number;
}

export class Manager implements Disposable {
  private readonly connection: Connection;
  private readonly isBus: boolean;

  private constructor({ connection, isBus }: Reached) {
    this.connection = connection;
    this.isBus = isBus;
  }

  /** Connects to systemd. @throws UserError when it does not run, or can't be reached */
  static async reach(caller: Pick<Caller, "env">, kind: ManagerKind): Promise<Manager> {
    const reached = await reachManager(caller, kind);
    const { connection, isBus } = reached;
    if (isBus) connection.send({ ...BUS, member: "Hello" });
    else await untilAccepted(connection);
    return new Manager(reached);
  }

  /** Asks for a transient unit around a process, and does not wait. @throws UserError */
  start(unit: string, pid: number, ofUnit: readonly UnitProperty[]): Starting {
    this.requirePids(pid);
    const properties = [...ofUnit, property("PIDs", "au", [pid])];
    this.watchJobs(unit);
    return this.begin(unit, properties);
  }

  /** Waits until the unit has started; removes an ended unit of that name first. @throws UserError */
  async started({ unit, properties, serial }: Starting): Promise<void> {
    const leftoverDeadline = performance.now() + LEFTOVER_PATIENCE;
    let current = serial;
    for (;;) {
      try {
        await this.waitForJob(unit, "start", current);
        return;
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        if (error.name !== UNIT_EXISTS) throw refused(unit, "start", error);
        if (performance.now() > leftoverDeadline || !(await this.makeRoom(unit)))
          throw new UnitTakenError(refused(unit, "start", error).message);
      }
      current = this.begin(unit, properties).serial;
    }
  }

  /** Stops a unit, and resets its failed state; false when there is none. @throws UserError */
  async stop(unit: string): Promise<boolean> {
    this.watchJobs(unit);
    try {
      const serial = this.connection.send(call("StopUnit", "ss", [unit, "replace"]));
      await this.waitForJob(unit, "stop", serial);
      return true;
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      if (error.name !== NO_SUCH_UNIT) throw refused(unit, "stop", error);
      return false;
    } finally {
      await this.resetFailed(unit);
    }
  }

  /** Changes properties until the unit ends. @throws UserError */
  async change(unit: string, properties: readonly UnitProperty[]): Promise<void> {
    const changes = call("SetUnitProperties", "sba(sv)", [unit, true, asValues(properties)]);
    try {
      await this.call(changes, unit, "change");
    } catch (error) {
      throw error instanceof BusError ? refused(unit, "change", error) : error;
    }
  }

  /** Moves a process into a unit's cgroup, or one below it such as `/jobs`. @throws UserError */
  async attach(unit: string, below: string, pid: number): Promise<void> {
    this.requirePids(pid);
    try {
      await this.call(
        call("AttachProcessesToUnit", "ssau", [unit, below, [pid]]),
        unit,
        "attach a process to",
      );
    } catch (error) {
      throw error instanceof BusError ? refused(unit, "attach a process to", error) : error;
    }
  }

  /** systemd's version, without its distribution's part. @throws UserError */
  async version(): Promise<number> {
    return Number(/\d+/.exec(await this.text("Version"))?.[0]);
  }

  /** A property of the manager that is a text, such as Version or ControlGroup. @throws UserError */
  async text(name: string): Promise<string> {
    const [variant] = (await this.call(
      { ...MANAGER, interface: PROPERTIES, member: "Get", signature: "ss", body: [MANAGER.interface, name] },
      "systemd",
      "ask",
    )) as readonly Variant[]; // the documented result of Get
    return String(variant?.value ?? "");
  }

  private begin(unit: string, properties: readonly UnitProperty[]): Starting {
    const body = [unit, "replace", asValues(properties), []];
    const serial = this.connection.send(call("StartTransientUnit", "ssa(sv)a(sa(sv))", body));
    return { unit, properties, serial };
  }

  private requirePids(pid: number): void {
    if (this.connection.sharesPids) return;
    throw new UserError(
      `tsrun is not in systemd's pid namespace, where pid ${pid} is another process: --systemd-cgroup does not work here`,
    );
  }

  /** A bus delivers only signals that a client matches, and systemd sends them only if a client has subscribed. */
  private watchJobs(unit: string): void {
    if (!this.isBus) return;
    const rule = `type='signal',interface='${MANAGER.interface}',member='JobRemoved',arg2='${unit}'`;
    this.connection.send({ ...BUS, member: "AddMatch", signature: "s", body: [rule] });
    this.connection.send(call("Subscribe", "", []));
  }

  private async waitForJob(unit: string, verb: string, serial: number): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    const [job] = await this.answered(unit, verb, serial, deadline);
    const isOver = ({ member, body }: Message) => member === "JobRemoved" && body[1] === job;
    const { body } = await this.patiently(unit, verb, () => this.connection.receive(isOver, deadline));
    const [, , , result] = body;
    if (result === "done") return;
    await this.resetFailed(unit);
    throw new UserError(
      `systemd could not ${verb} the unit ${unit}: the result of its job is "${result}"; see journalctl -u ${unit}`,
    );
  }

  private answered(unit: string, verb: string, serial: number, deadline: number): Promise<readonly Value[]> {
    return this.patiently(unit, verb, () => this.connection.answer(serial, deadline));
  }

  private async patiently<T>(unit: string, verb: string, wait: () => Promise<T>): Promise<T> {
    try {
      return await wait();
    } catch (error) {
      if (!(error instanceof BusLostError)) throw error;
      throw new UserError(`systemd did not ${verb} the unit ${unit}: ${error.message}`);
    }
  }

  /** @throws BusError */
  private call(what: MethodCall, unit: string, verb: string): Promise<readonly Value[]> {
    return this.answered(unit, verb, this.connection.send(what), performance.now() + PATIENCE);
  }

  /** Removes a unit of this name that has ended; false if it has not ended. */
  private async makeRoom(unit: string): Promise<boolean> {
    try {
      const [path] = await this.call(call("GetUnit", "s", [unit]), unit, "find");
      const body = [`${SYSTEMD}.Unit`, "ActiveState"];
      const [state] = (await this.call(
        { ...MANAGER, path: String(path), interface: PROPERTIES, member: "Get", signature: "ss", body },
        unit,
        "find",
      )) as readonly Variant[]; // the documented result of Get
      if (state?.value === "active" || state?.value === "activating") return false;
    } catch (error) {
      if (!(error instanceof BusError)) throw error; // it has just been removed
    }
    await this.resetFailed(unit);
    await Bun.sleep(LEFTOVER_PAUSE);
    return true;
  }

  /** Resets the failed state of a unit, if the unit exists. */
  private async resetFailed(unit: string): Promise<void> {
    try {
      await this.call(call("ResetFailedUnit", "s", [unit]), unit, "reset");
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
  }
}

/** @throws UserError */
async function untilAccepted(connection: Connection): Promise<void> {
  try {
    await connection.untilAccepted(performance.now() + PATIENCE);
  } catch (error) {
    connection[Symbol.dispose]();
    if (!(error instanceof BusLostError)) throw error;
    throw new UserError(`systemd does not let this process in: ${error.message}`);
  }
}

function call(member: string, signature: string, body: readonly Value[]): MethodCall {
  return { ...MANAGER, member, signature, body };
}

function asValues(properties: readonly UnitProperty[]): readonly Value[] {
  return properties.map(([name, value]) => [name, value]);
}

function refused(unit: string, verb: string, error: BusError): UserError {
  return new UserError(`systemd refuses to ${verb} the unit ${unit}: ${error.message}`);
}
