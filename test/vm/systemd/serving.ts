/** tsrun.socket and tsrun.service in the guest, as `make install` would bring them. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { project } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";
import { waitUntil } from "../../harness/wait.ts";
import { shown } from "./units.ts";

// The surroundings of test files say that nobody serves; commands are to look for the socket where it is.
delete process.env["TSRUN_SERVE"];

export const SERVICE = "tsrun.service";
/** A binary that a test may replace, in a directory that the whole machine sees. */
const PLACE = "/mnt/installed";
export const BINARY = join(PLACE, "tsrun");

/** Brings the units of the system or of users, with the binary that they start. */
export function install(manager: "system" | "user"): void {
  mkdirSync(PLACE, { recursive: true });
  if (!existsSync(BINARY)) copyFileSync(join(project, "bin/tsrun"), BINARY);
  for (const name of ["tsrun.socket", SERVICE]) {
    mkdirSync(join("/run/systemd", manager), { recursive: true });
    const text = readFileSync(join(project, "systemd", manager, name), "utf8");
    writeFileSync(join("/run/systemd", manager, name), text.replace("/usr/local/bin/tsrun", BINARY));
  }
}

export function uninstall(manager: "system" | "user"): void {
  for (const name of ["tsrun.socket", SERVICE]) rmSync(join("/run/systemd", manager, name));
  rmSync(PLACE, { recursive: true });
}

/** Puts a binary of another build in its place, as a package manager does. */
export function upgrade(): void {
  const next = `${BINARY}.next`;
  copyFileSync(BINARY, next);
  const elf = readFileSync(next);
  const at = buildAt(elf);
  elf.writeUInt8(elf.readUInt8(at) ^ 1, at);
  writeFileSync(next, elf);
  renameSync(next, BINARY);
}

/** Where patch.ts has put the build's number: the second word of the segment that the program starts in. */
function buildAt(elf: Buffer): number {
  const start = elf.readBigUInt64LE(24);
  const headers = Array.from(
    { length: elf.readUInt16LE(56) },
    (_, i) => Number(elf.readBigUInt64LE(32)) + i * 56,
  );
  const segment = headers.find((at) => {
    const address = elf.readBigUInt64LE(at + 16);
    return elf.readUInt32LE(at) === 1 && start >= address && start < address + elf.readBigUInt64LE(at + 32);
  });
  if (segment === undefined) throw new Error("no segment has the program's start");
  return Number(elf.readBigUInt64LE(segment + 8)) + 8;
}

/** The server that runs; 0 for none. */
export const serverPid = () => Number(shown(SERVICE, "MainPID"));

interface Status {
  readonly pid: number;
  readonly served: Readonly<Record<string, { readonly count: number }>>;
  readonly refused: Readonly<Record<string, number>>;
}

/** Calls the installed binary, which would else be Bun as this test is. Returns what it prints. */
export const installed = (...words: readonly string[]) =>
  command("env", "-u", "BUN_BE_BUN", BINARY, ...words);

/** What the server says of itself; it is started by this if there is none. */
export function serverStatus(): Status {
  return JSON.parse(installed("--no-serve", "serve", "--status", "--json")) as Status; // of the server
}

/** How often it has done a command. */
export const served = (name: string) => serverStatus().served[name]?.count ?? 0;

/** Waits until a server answers; in emulation its start may take longer than a command waits for it. */
export async function untilServed(): Promise<number> {
  await waitUntil(() => serverPid() === pidThatAnswers(), "a server answers");
  return serverPid();
}

/** Negative while the one ends and the other begins. */
function pidThatAnswers(): number {
  try {
    return serverStatus().pid;
  } catch {
    return -1;
  }
}
