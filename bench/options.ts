import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { RuntimeName } from "./runtimes.ts";

/** What the caller of the bench asked for. */
export interface Options {
  /** Rounds of each measurement; a round times every contender once. */
  readonly rounds: number;
  /** Rounds with cold caches; 0 leaves them out. */
  readonly coldRounds: number;
  readonly json: boolean;
  /** A file for the findings as a picture; null for none. */
  readonly picture: string | null;
  /** Whether all is to run ahead of what else the machine does. */
  readonly realtime: boolean;
  /** The binaries to measure. */
  readonly binaries: Binaries;
}

/** Only of an older tsrun there may be none. */
export type Binaries = Readonly<Record<Exclude<RuntimeName, "warm" | "old">, string> & { old?: string }>;

const PROJECT = resolve(import.meta.dir, "..");
const ROUNDS = { rounds: 50, coldRounds: 5 };
const QUICK_ROUNDS = { rounds: 10, coldRounds: 2 };

const HELP = `Usage: bun bench/bench.ts [OPTION]...

Measures tsrun beside runc and crun, as root. \`make bench\` builds what it needs.

  --rounds N     rounds of each measurement (default ${ROUNDS.rounds})
  --quick        ${QUICK_ROUNDS.rounds} rounds, and ${QUICK_ROUNDS.coldRounds} with cold caches
  --no-cold      do not drop the machine's caches
  --tsrun PATH   the binary to measure (default bin/tsrun)
  --crun PATH, --runc PATH
                 the binaries to compare it with (default: those in PATH)
  --old PATH     another tsrun, to compare the commands that tsrun does itself
  --realtime     run everything with SCHED_RR: other work on the machine disturbs less
  --json         print JSON instead of Markdown
  --picture FILE draw the findings too, as SVG
  --help         print this
`;

/** Reads the command line; ends the program after `--help` and on a wrong option. */
export function readOptions(argv: readonly string[]): Options {
  const values = parse(argv);
  if (values.help) end(HELP, 0);
  const usual = values.quick ? QUICK_ROUNDS : ROUNDS;
  const rounds = values.rounds === undefined ? usual.rounds : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    end(`bench: --rounds ${values.rounds}: not a positive number\n`, 2);
  return {
    rounds,
    coldRounds: values["no-cold"] ? 0 : Math.min(usual.coldRounds, rounds),
    json: values.json,
    picture: values.picture === undefined ? null : resolve(values.picture),
    realtime: values.realtime,
    binaries: {
      tsrun: resolve(values.tsrun ?? `${PROJECT}/bin/tsrun`),
      crun: found("crun", values.crun),
      runc: found("runc", values.runc),
      ...(values.old ? { old: found("old", values.old) } : {}),
    },
  };
}

/** The path of another binary; its name when it is nowhere. One that is asked for must be there. */
function found(name: RuntimeName, asked: string | undefined): string {
  if (asked === undefined || asked === "") return Bun.which(name) ?? name;
  const path = resolve(asked);
  if (!existsSync(path)) end(`bench: --${name}: there is no ${path}\n`, 2);
  return path;
}

function parse(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        rounds: { type: "string" },
        quick: { type: "boolean", default: false },
        "no-cold": { type: "boolean", default: false },
        tsrun: { type: "string" },
        crun: { type: "string" },
        runc: { type: "string" },
        old: { type: "string" },
        realtime: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        picture: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    return end(`bench: ${error instanceof Error ? error.message : error}\n`, 2);
  }
}

function end(text: string, status: number): never {
  if (status === 0) process.stdout.write(text);
  else process.stderr.write(text);
  process.exit(status);
}
