import { invocation } from "./runtime.ts";
import { slowness } from "./slowness.ts";
import { waitUntil } from "./wait.ts";

/** Local modes of termios(3) that a raw terminal lacks: ICANON, ECHO and ISIG. */
const COOKED = 0x2 | 0x8 | 0x1;

/** A call that takes longer than this hangs, and is ended. */
const LIMIT_MS = 20_000 * slowness;

/** Somebody at a terminal of 33 lines and 90 columns who has called the runtime. */
export interface AtTerminal extends AsyncDisposable {
  readonly pid: number;
  /** All that was printed so far. */
  printed(): string;
  type(keys: string): void;
  resize(columns: number, lines: number): void;
  /** Whether lines are edited, keys are echoed and Ctrl-C is a signal, as in a shell between two commands. */
  isCooked(): boolean;
  /** Whether none of that holds. */
  isRaw(): boolean;
  /** The window is closed. */
  close(): void;
  /** Waits until a text, or something that matches, is printed. */
  until(text: string | RegExp): Promise<void>;
  /** Waits for the end of the call, and of what it printed. Gives its exit status. */
  ended(): Promise<number>;
}

/** Calls the runtime from a terminal, as the leader of its session. */
export function atTerminal(args: readonly string[]): AtTerminal {
  const { file, argv, options } = invocation(args, {});
  return programAtTerminal([file, ...argv], options);
}

/** Runs any program so. */
export function programAtTerminal(
  command: readonly string[],
  options: Pick<ReturnType<typeof invocation>["options"], "cwd" | "env">,
): AtTerminal {
  let printed = "";
  const decoder = new TextDecoder();
  const terminal = new Bun.Terminal({
    cols: 90,
    rows: 33,
    data: (_, bytes) => {
      printed += decoder.decode(bytes, { stream: true });
    },
  });
  // setsid(1) executes the runtime in its own place, so that its pid is the program's.
  const child = Bun.spawn(["setsid", "--ctty", ...command], { ...options, terminal });
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const end = child.exited.finally(() => clearTimeout(timer));
  return {
    pid: child.pid,
    printed: () => printed,
    type: (keys) => void terminal.write(keys),
    resize: (columns, lines) => terminal.resize(columns, lines),
    isCooked: () => (terminal.localFlags & COOKED) === COOKED,
    isRaw: () => (terminal.localFlags & COOKED) === 0,
    close: () => terminal.close(),
    until: (text) =>
      waitUntil(
        () => (typeof text === "string" ? printed.includes(text) : text.test(printed)),
        `${text} is printed; what was: ${JSON.stringify(printed)}`,
      ),
    async ended() {
      const status = await end;
      // What was written to a terminal arrives by way of a kernel thread, which others may keep waiting.
      for (let quiet = 0; quiet < (printed === "" ? 20 : 2); quiet++) {
        const { length } = printed;
        await Bun.sleep(20 * slowness);
        if (printed.length > length) quiet = 0;
      }
      return status;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await end;
      terminal.close();
    },
  };
}
