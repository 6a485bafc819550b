/** systemd's manager of units, as far as containers need it (org.freedesktop.systemd1(5)). */

import { BusError, BusLostError, type Connection, type MethodCall } from "../../dbus/connection.ts";
import type { Message } from "../../dbus/message.ts";
import type { Value, Variant } from "../../dbus/values.ts";
import { UserError } from "../../kernel/user-error.ts";
import { type ManagerKind, reachManager } from "./sockets.ts";
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

  /** @throws UserError when systemd does not run, or can't be reached */
  constructor(kind: ManagerKind) {
    const { connection, isBus } = reachManager(kind);
    this.connection = connection;
    this.isBus = isBus;
    if (isBus) connection.send({ ...BUS, member: "Hello" });
    else untilAccepted(connection);
  }

  /** Asks for a transient unit around a process, and does not wait. @throws UserError */
  start(unit: string, pid: number, ofUnit: readonly UnitProperty[]): Starting {
    this.requirePids(pid);
    const properties = [...ofUnit, property("PIDs", "au", [pid])];
    this.watchJobs(unit);
    return this.begin(unit, properties);
  }

  /** Waits until the unit has started; removes an ended unit of that name first. @throws UserError */
  started({ unit, properties, serial }: Starting): void {
    const leftoverDeadline = performance.now() + LEFTOVER_PATIENCE;
    let current = serial;
    for (;;) {
      try {
        this.waitForJob(unit, "start", current);
        return;
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        if (error.name !== UNIT_EXISTS) throw refused(unit, "start", error);
        if (performance.now() > leftoverDeadline || !this.makeRoom(unit))
          throw new UnitTakenError(refused(unit, "start", error).message);
      }
      current = this.begin(unit, properties).serial;
    }
  }

  /** Stops a unit, and resets its failed state; false when there is none. @throws UserError */
  stop(unit: string): boolean {
    this.watchJobs(unit);
    try {
      const serial = this.connection.send(call("StopUnit", "ss", [unit, "replace"]));
      this.waitForJob(unit, "stop", serial);
      return true;
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      if (error.name !== NO_SUCH_UNIT) throw refused(unit, "stop", error);
      return false;
    } finally {
      this.resetFailed(unit);
    }
  }

  /** Changes properties until the unit ends. @throws UserError */
  change(unit: string, properties: readonly UnitProperty[]): void {
    const changes = call("SetUnitProperties", "sba(sv)", [unit, true, asValues(properties)]);
    try {
      this.call(changes, unit, "change");
    } catch (error) {
      throw error instanceof BusError ? refused(unit, "change", error) : error;
    }
  }

  /** Moves a process into a unit's cgroup, or one below it such as `/jobs`. @throws UserError */
  attach(unit: string, below: string, pid: number): void {
    this.requirePids(pid);
    try {
      this.call(call("AttachProcessesToUnit", "ssau", [unit, below, [pid]]), unit, "attach a process to");
    } catch (error) {
      throw error instanceof BusError ? refused(unit, "attach a process to", error) : error;
    }
  }

  /** systemd's version, without its distribution's part. @throws UserError */
  version(): number {
    return Number(/\d+/.exec(this.text("Version"))?.[0]);
  }

  /** A property of the manager that is a text, such as Version or ControlGroup. @throws UserError */
  text(name: string): string {
    const [variant] = this.call(
      { ...MANAGER, interface: PROPERTIES, member: "Get", signature: "ss", body: [MANAGER.interface, name] },
      "systemd",
      "ask",
    ) as readonly Variant[]; // the documented result of Get
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
      `systemd would take pid ${pid} for another process: tsrun is not in its pid namespace, as --systemd-cgroup needs it`,
    );
  }

  /** A bus delivers only signals that a client matches, and systemd sends them only if a client has subscribed. */
  private watchJobs(unit: string): void {
    if (!this.isBus) return;
    const rule = `type='signal',interface='${MANAGER.interface}',member='JobRemoved',arg2='${unit}'`;
    this.connection.send({ ...BUS, member: "AddMatch", signature: "s", body: [rule] });
    this.connection.send(call("Subscribe", "", []));
  }

  private waitForJob(unit: string, verb: string, serial: number): void {
    const deadline = performance.now() + PATIENCE;
    const job = this.answered(unit, verb, serial, deadline)[0];
    const isOver = ({ member, body }: Message) => member === "JobRemoved" && body[1] === job;
    const result = this.patiently(unit, verb, () => this.connection.receive(isOver, deadline)).body[3];
    if (result === "done") return;
    this.resetFailed(unit);
    throw new UserError(
      `systemd could not ${verb} the unit ${unit}: the result of its job is "${result}"; see journalctl -u ${unit}`,
    );
  }

  private answered(unit: string, verb: string, serial: number, deadline: number): readonly Value[] {
    return this.patiently(unit, verb, () => this.connection.answer(serial, deadline));
  }

  private patiently<T>(unit: string, verb: string, wait: () => T): T {
    try {
      return wait();
    } catch (error) {
      if (!(error instanceof BusLostError)) throw error;
      throw new UserError(`systemd did not ${verb} the unit ${unit}: ${error.message}`);
    }
  }

  /** @throws BusError */
  private call(what: MethodCall, unit: string, verb: string): readonly Value[] {
    return this.answered(unit, verb, this.connection.send(what), performance.now() + PATIENCE);
  }

  /** Removes a unit of this name that has ended; false if it has not ended. */
  private makeRoom(unit: string): boolean {
    try {
      const [path] = this.call(call("GetUnit", "s", [unit]), unit, "find");
      const body = [`${SYSTEMD}.Unit`, "ActiveState"];
      const [state] = this.call(
        { ...MANAGER, path: String(path), interface: PROPERTIES, member: "Get", signature: "ss", body },
        unit,
        "find",
      ) as readonly Variant[]; // the documented result of Get
      if (state?.value === "active" || state?.value === "activating") return false;
    } catch (error) {
      if (!(error instanceof BusError)) throw error; // it has just been removed
    }
    this.resetFailed(unit);
    Bun.sleepSync(LEFTOVER_PAUSE);
    return true;
  }

  /** Resets the failed state of a unit, if the unit exists. */
  private resetFailed(unit: string): void {
    try {
      this.call(call("ResetFailedUnit", "s", [unit]), unit, "reset");
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
  }
}

/** @throws UserError */
function untilAccepted(connection: Connection): void {
  try {
    connection.untilAccepted(performance.now() + PATIENCE);
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
