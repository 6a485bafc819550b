/**
 * `tsrun serve`: a tsrun that stays, and does the commands of those that could do them alone, faster, as its code has run
 * before.
 *
 *     caller: src/entry/client.c                server
 *     hello                            ──▶      who is it? standing.ts; what does it want? its argv in /proc
 *     starts Bun, does it itself       ◀──      no
 *                                               the command, for a RemoteCaller
 *     prints, exits                    ◀──
 *
 * It owns nothing: containers live, and are started, killed and deleted, with it and without it. Whatever a client does,
 * the server goes on.
 */
import type { Caller } from "../agent/caller.ts";
import { keptImage } from "../agent/spawn.ts";
import { geteuid, umask } from "../kernel/calls.ts";
import { entryNotes } from "../kernel/entry-notes.ts";
import { readLink, readText } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { peerCredentials, peerProcess } from "../kernel/socket.ts";
import { serveMany } from "../kernel/wait.ts";
import type { Reasons } from "./ask.ts";
import { Client, NotServed } from "./client.ts";
import { Peer } from "./peer.ts";
import { AGAIN, type Hello, NO, proofOf, readHello, readWhy, STATUS } from "./protocol.ts";
import { commandsAtOnce } from "./room.ts";
import { differenceOf, ownStanding, type Standing } from "./standing.ts";
import { Statistics, type Status } from "./statistics.ts";

/** A command line that a client wants done. */
export interface Wanted {
  readonly command: string;
  /** Why it is not done here; null when it is. */
  readonly refusal: string | null;
  /** Does it, and returns the exit status; what goes wrong is told to the client. */
  run(client: Client): Promise<number>;
}

interface ServerOptions {
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
  /** Called when more can be sent, or nothing any more. */
  writable: (() => void) | null;
}

type Socket = Bun.Socket<Connection>;

/** Seconds after which a connection is closed that has said nothing, or has its answer. */
const SILENCE = 5;

const LONGEST_QUESTION = 256;

/** Milliseconds after which a server without anything to do gives back memory. */
const SPARE = 30_000;

/** Milliseconds after which connections that were made before its start have been heard, or given up. */
const EARLY = 5000;
const UNPROVED = "may not trace the server";

/** Milliseconds that a timer may take: some 25 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class Server {
  private readonly options: ServerOptions;
  private readonly listener: Bun.SocketListener<Connection>;
  private readonly statistics = new Statistics();
  private readonly user = here(geteuid());
  private readonly own: Standing = ownStanding();
  /** What only who may trace the server knows of it. */
  private readonly proof = proofOf("self");
  private readonly build = entryNotes()?.build;
  private readonly began = performance.now();
  private readonly atOnce = commandsAtOnce();
  private readonly clients = new Set<Client>();
  private ending = false;
  private timers: readonly Timer[] = [];
  private ended: () => void = () => {};
  /** Resolves when the server has nothing to do any more. */
  readonly done: Promise<void>;

  /** @throws Error when it can't listen */
  constructor(options: ServerOptions) {
    serveMany(() => this.clients.size > 1);
    Bun.unsafe.setJITPolicy(1); // unlike a command, whose code hardly runs twice
    this.options = options;
    this.done = new Promise((resolve) => {
      this.ended = resolve;
    });
    keptImage(); // before the first command, so that what it holds does not grow
    here(umask(0o177)); // only this user may connect
    this.listener = Bun.listen<Connection>({
      ...options.at,
      data: { client: null, greeted: false, writable: null },
      socket: {
        open: (socket) => {
          socket.data = { client: null, greeted: false, writable: null };
          socket.timeout(SILENCE);
        },
        timeout: (socket) => void socket.terminate(),
        data: (socket, bytes) => this.hear(socket, bytes),
        drain: (socket) => socket.data.writable?.(),
        close: (socket) => {
          socket.data.client?.heard(true);
          socket.data.writable?.();
        },
        error: (socket) => void socket.terminate(),
      },
    } as Parameters<typeof Bun.listen<Connection>>[0]);
    here(umask(0)); // what is made has the caller's
    this.rest();
  }

  /**
   * Takes no more commands, and ends when those that run are done. It doesn't wait for containers in the foreground,
   * which may run for ever: their callers say that it has ended. Until then it refuses others, which would wait for an
   * answer where systemd listens too.
   */
  end(): void {
    this.ending = true;
    this.endIfDone();
  }

  private endIfDone(): void {
    if (!this.ending || ![...this.clients].every((client) => client.isWaiting)) return;
    this.listener.stop();
    this.ended();
  }

  /** Waits for something to do, for a while. */
  private rest(): void {
    for (const timer of this.timers) clearTimeout(timer);
    const after = (milliseconds: number, act: () => void) =>
      setTimeout(() => (this.clients.size > 0 ? this.rest() : act()), Math.min(milliseconds, LONGEST_TIMER));
    // Machine code, most of that memory, is compiled again where it is needed: the next commands take a little longer.
    this.timers = [after(SPARE, Bun.shrink), after(this.options.idle, () => this.end())];
  }

  private hear(socket: Socket, bytes: Uint8Array): void {
    const { data } = socket;
    if (data.client !== null) {
      data.client.heard(false);
      return;
    }
    if (data.greeted) return;
    data.greeted = true;
    const hello = readHello(bytes);
    if (hello !== null) void this.serve(socket, hello).finally(() => socket.timeout(SILENCE));
    else this.reply(socket, new TextDecoder().decode(bytes.subarray(0, LONGEST_QUESTION)));
  }

  /** Answers who only asks. */
  private reply(socket: Socket, question: string): void {
    const why = readWhy(question);
    if (question === STATUS) socket.end(JSON.stringify(this.status));
    else if (why !== null) socket.end(JSON.stringify(this.reasonsFor(socket, why)));
    else this.refuse(socket, "no tsrun");
  }

  private reasonsFor(socket: Socket, why: Pick<Hello, "build" | "proof">): Reasons {
    const { pid } = process;
    try {
      using peer = this.peerOf(socket, why.build);
      const difference = this.differenceTo(peer, why.proof);
      return { pid, process: difference, command: difference ?? this.wantedBy(peer).refusal };
    } catch (error) {
      return { pid, process: reasonIn(error), command: null };
    }
  }

  private refuse(socket: Socket, reason: string): void {
    this.statistics.refused(reason);
    socket.end(NO);
  }

  private async serve(socket: Socket, hello: Hello): Promise<void> {
    const began = performance.now();
    try {
      using peer = this.peerOf(socket, hello.build);
      const wanted = this.admit(peer, hello);
      socket.timeout(0);
      await this.perform(socket, hello, peer, wanted);
      this.statistics.served(wanted.command, performance.now() - began);
      this.rest();
    } catch (error) {
      // What a client does must not end the server; that it has ended is no error.
      if (this.isEarly && reasonIn(error) === UNPROVED) socket.end(AGAIN);
      else this.refuse(socket, reasonIn(error));
    }
    this.endIfDone();
  }

  /** Whether a connection may have been made before this server listened. */
  private get isEarly(): boolean {
    return "fd" in this.options.at && performance.now() - this.began < EARLY;
  }

  /** Who has said hello. @throws NotServed */
  private peerOf(socket: Socket, build: bigint): Peer {
    if (this.ending) throw new NotServed("ending");
    if (build !== this.build) {
      if (isReplaced()) this.end(); // the next server is of the new build
      throw new NotServed("another build");
    }
    const { fd } = socket as unknown as { readonly fd: number }; // Bun has it, and its types don't
    // As it was when it connected: it may have executed a set-user-ID program since.
    const { pid, uid } = peerCredentials(fd);
    if (uid !== this.user) throw new NotServed("another user");
    const pidfd = peerProcess(fd);
    if (pidfd === null) throw new NotServed("has ended");
    try {
      return new Peer(pid, pidfd);
    } catch {
      throw new NotServed("has ended");
    }
  }

  /** What the process wants, when it may have it done here. @throws NotServed, SyscallError when it has ended */
  private admit(peer: Peer, { proof }: Hello): Wanted {
    const difference = this.differenceTo(peer, proof);
    if (difference !== null) throw new NotServed(difference);
    const wanted = this.wantedBy(peer);
    if (wanted.refusal !== null) throw new NotServed(wanted.refusal);
    if (this.clients.size >= this.atOnce) throw new NotServed("too few open files for more at once");
    return wanted;
  }

  private differenceTo({ standing }: Peer, proof: string): string | null {
    const difference = differenceOf(this.own, standing);
    return difference ?? (proof === this.proof ? null : UNPROVED);
  }

  private wantedBy(peer: Peer): Wanted {
    const { proc, env, argv } = peer;
    if (peer.hasEnded) throw new NotServed("has ended");
    return this.options.wanted(argv, { proc, env });
  }

  private async perform(socket: Socket, { connection }: Hello, peer: Peer, wanted: Wanted): Promise<void> {
    const { fd } = socket as unknown as { readonly fd: number };
    using client = new Client(fd, peer, connection);
    socket.data.client = client;
    this.clients.add(client);
    try {
      const text = client.finish(await wanted.run(client));
      if (text !== null) await sendAll(socket, text);
    } finally {
      socket.data.client = null;
      this.clients.delete(client);
    }
    socket.end();
  }

  private get status(): Status {
    const { version } = this.options;
    const rollup = readText("/proc/self/smaps_rollup");
    const [, kilobytes = 0] = /^Anonymous:\s*(\d+)/m.exec(rollup) ?? [];
    return {
      ...{ version, pid: process.pid, uptime: Math.round((performance.now() - this.began) / 1000) },
      ending: this.ending,
      ...{ running: this.clients.size, served: this.statistics.servedBy, refused: this.statistics.refusedBy },
      memory: Number(kilobytes) * 1024,
    };
  }
}

/** Why a command is not served, in words. */
const reasonIn = (error: unknown) => (error instanceof NotServed ? error.message : `failed: ${error}`);

/** Whether another program has taken the place of this one on the disk, as an upgrade does. */
const isReplaced = () => readLink("/proc/self/exe").endsWith(" (deleted)");

/** Sends it all, however slowly it is read; what nobody reads any more is lost. */
async function sendAll(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.byteLength && socket.readyState > 0; ) {
    const drained = new Promise<void>((resolve) => {
      socket.data.writable = resolve;
    });
    sent += Math.max(0, socket.write(bytes.subarray(sent)));
    if (sent < bytes.byteLength) await drained;
  }
  socket.data.writable = null;
}
