/**
 * `tsrun serve`: a tsrun that stays, and does the commands of those that could do them alone, faster, as its code has run
 * before.
 *
 *     caller: src/entry/client.c                server
 *     hello                            ──▶      who is it? standing.ts; what does it want? its argv in /proc
 *                                      ◀──      no: the caller starts Bun and does it itself
 *     maps the mailbox file, serves it ◀──      yes
 *                                               the command, for a RemoteCaller
 *     prints, exits                    ◀──
 *
 * It owns nothing: containers live, and are started, killed and deleted, with it and without it. Whatever a client does,
 * the server goes on.
 */
import type { Caller } from "../agent/caller.ts";
import { MailboxFile } from "../agent/mailbox-file.ts";
import { close, ppoll } from "../kernel/calls.ts";
import { AT_ENTRY, POLLIN } from "../kernel/constants.ts";
import { auxiliaryValue } from "../kernel/ffi.ts";
import { readText } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { peerPid, peerProcess, sendDescriptor } from "../kernel/socket.ts";
import { pollFd } from "../kernel/structs.ts";
import { serveMany } from "../kernel/wait.ts";
import { Client, LostError } from "./client.ts";
import { type Hello, ownBuild, readHello, STATUS, YES } from "./protocol.ts";
import { differenceOf, type Standing, standingOf } from "./standing.ts";
import { Statistics, type Status } from "./statistics.ts";

/** A command line that a client wants done. */
export interface Wanted {
  readonly command: string;
  /** Why it is not done here; null when it is. */
  readonly refusal: string | null;
  /** Does it, and returns the exit status; what goes wrong is told to the client. */
  run(client: Client): Promise<number>;
}

export interface ServerOptions {
  /** The path of the socket, or a descriptor that listens already. */
  readonly at: { readonly unix: string } | { readonly fd: number };
  /** Milliseconds after which a server without anything to do ends. */
  readonly idle: number;
  readonly version: string;
  /** Reads a command line. */
  readonly wanted: (argv: readonly string[], asker: Pick<Caller, "proc" | "env">) => Wanted;
}

interface Connection {
  client: Client | null;
  greeted: boolean;
}

type Socket = Bun.Socket<Connection>;

/** Seconds after which a connection that has said nothing is closed. */
const SILENCE = 5;

export class Server {
  private readonly options: ServerOptions;
  private readonly listener: Bun.SocketListener<Connection>;
  private readonly statistics = new Statistics();
  private readonly own: Standing = standingOf("/proc/self");
  private readonly build = ownBuild(Number(auxiliaryValue(AT_ENTRY)));
  private readonly began = performance.now();
  private running = 0;
  private ending = false;
  private timer: Timer | null = null;
  private ended: () => void = () => {};
  /** Resolves when the server has nothing to do any more. */
  readonly done: Promise<void>;

  /** @throws Error when it can't listen */
  constructor(options: ServerOptions) {
    serveMany();
    this.options = options;
    this.done = new Promise((resolve) => {
      this.ended = resolve;
    });
    this.listener = Bun.listen<Connection>({
      ...options.at,
      data: { client: null, greeted: false },
      socket: {
        open: (socket) => {
          socket.data = { client: null, greeted: false };
          socket.timeout(SILENCE);
        },
        timeout: (socket) => void socket.terminate(),
        data: (socket, bytes) => this.hear(socket, bytes),
        close: (socket) => socket.data.client?.heard(true),
        error: (socket) => void socket.terminate(),
      },
    } as Parameters<typeof Bun.listen<Connection>>[0]);
    this.rest();
  }

  /** Takes no more commands, and ends when those that run are done. */
  end(): void {
    this.ending = true;
    this.listener.stop();
    if (this.running === 0) this.ended();
  }

  /** Waits for something to do, for a while. */
  private rest(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end(), this.options.idle);
  }

  private hear(socket: Socket, bytes: Uint8Array): void {
    const { data } = socket;
    if (data.client !== null) {
      data.client.heard(false);
      return;
    }
    if (data.greeted) return;
    data.greeted = true;
    socket.timeout(0);
    const hello = readHello(bytes);
    if (hello !== null) void this.serve(socket, hello);
    else if (new TextDecoder().decode(bytes.subarray(0, STATUS.length + 1)) === STATUS)
      socket.end(JSON.stringify(this.status));
    else this.refuse(socket, "no tsrun");
  }

  private refuse(socket: Socket, reason: string): void {
    this.statistics.refused(reason);
    socket.end("n");
  }

  private async serve(socket: Socket, hello: Hello): Promise<void> {
    const began = performance.now();
    this.running += 1;
    try {
      const wanted = this.admit(socket, hello);
      if (typeof wanted === "string") this.refuse(socket, wanted);
      else if (await this.perform(socket, hello, wanted))
        this.statistics.served(wanted.command, performance.now() - began);
    } catch (error) {
      // What a client does must not end the server; that it has ended is no error.
      this.refuse(socket, error instanceof LostError ? "the server was slow" : `failed: ${error}`);
    } finally {
      this.running -= 1;
      if (this.ending && this.running === 0) this.ended();
      else this.rest();
    }
  }

  /** What a client wants, when it may have it done here; else the reason. @throws SyscallError when it has ended */
  private admit(socket: Socket, { build }: Hello): Wanted | string {
    if (this.ending) return "ending";
    if (build !== this.build) {
      this.end(); // a newer one, as far as anybody knows: the next server is of that build too
      return "another build";
    }
    const { fd } = socket as unknown as { readonly fd: number }; // Bun has it, and its types don't
    const process = peerProcess(fd);
    if (process === null) return "has ended";
    try {
      const proc = `/proc/${peerPid(fd)}`;
      const difference = differenceOf(this.own, standingOf(proc));
      if (difference !== null) return difference;
      const argv = readText(`${proc}/cmdline`).split("\0").slice(1, -1);
      const env = environmentOf(proc);
      // As long as the process lives, its pid is nobody else's: all that was read was of the one that has asked.
      if (attempt(ppoll(pollFd(process, POLLIN), 0)) !== 0) return "has ended";
      const wanted = this.options.wanted(argv, { proc, env });
      return wanted.refusal ?? wanted;
    } finally {
      here(close(process));
    }
  }

  /** Whether it was done here, as it may have gone back to the client meanwhile. */
  private async perform(socket: Socket, { connection }: Hello, wanted: Wanted): Promise<boolean> {
    const { fd } = socket as unknown as { readonly fd: number };
    const file = new MailboxFile();
    try {
      sendDescriptor(fd, YES, file.fd);
      using client = new Client(file, peerPid(fd), connection);
      socket.data.client = client;
      client.finish(await wanted.run(client));
      socket.data.client = null;
    } finally {
      file[Symbol.dispose]();
    }
    socket.end();
    return true;
  }

  private get status(): Status {
    const { version } = this.options;
    const rollup = readText("/proc/self/smaps_rollup");
    const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(rollup)?.[1] ?? 0);
    return {
      ...{ version, pid: process.pid, uptime: Math.round((performance.now() - this.began) / 1000) },
      ...{ running: this.running, served: this.statistics.servedBy, refused: this.statistics.refusedBy },
      memory: (kilobytes("Private_Clean") + kilobytes("Private_Dirty")) * 1024,
    };
  }
}

function environmentOf(proc: string): Readonly<Record<string, string>> {
  const entries = readText(`${proc}/environ`).split("\0");
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const end = entry.indexOf("=");
      return end > 0 ? [[entry.slice(0, end), entry.slice(end + 1)]] : [];
    }),
  );
}
