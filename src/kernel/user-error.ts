import { JsonError } from "../../runtime-spec/json.ts";

/** The exit statuses of tsrun, all runc's. A command in the foreground ends with its process's instead. */
export const EXIT = {
  failed: 1,
  /** A command that answers by its status, where 1 is an answer, has none. */
  unanswered: 2,
  /** `exec` has failed before its process ran. */
  execFailed: 255,
  /** Added to the number of the signal that ended a process, as in shells. */
  bySignal: 128,
} as const;

const CONFIG = "config.json: ";

/**
 * A problem with what tsrun is given: the config, the command line, the bundle, the machine, a container's state. The
 * user is shown its message. Any other error is a bug of tsrun.
 */
export class UserError extends Error {
  override readonly name: string = "UserError";
  /** Where: `config.json: root.path`, `--pid-file /x`, `container web`. Empty where the problem itself says it. */
  readonly place: string;
  readonly problem: string;
  /** What to show: a line for each problem, as several can be found at once. */
  readonly lines: readonly string[];

  constructor(...said: [problem: string | readonly string[]] | [place: string, problem: string]) {
    const [place, problem] = said.length === 1 ? ["", said[0]] : said;
    const problems = typeof problem === "string" ? [problem] : problem;
    const lines = place === "" ? problems : problems.map((one) => `${place}: ${one}`);
    super(lines.join("\n"));
    this.place = place;
    this.problem = problems.join("\n");
    this.lines = lines;
  }

  /** The path of the property of config.json that is the place; null for another one. */
  get property(): string | null {
    return this.place.startsWith(CONFIG) ? this.place.slice(CONFIG.length) : null;
  }
}

/** Refuses the configuration because of the property at `path`. */
export function fail(path: string, problem: string): never {
  throw new UserError(`${CONFIG}${path}`, problem);
}

/** Whether an error is a bug of tsrun. */
export const isInternal = (error: unknown): boolean =>
  !(error instanceof UserError || error instanceof JsonError);

/** What to show of an error, a line for each problem. */
export function linesOf(error: unknown): readonly string[] {
  if (error instanceof UserError) return error.lines;
  if (error instanceof JsonError) return [error.message];
  return [`internal error: ${error}; please report it, with what --debug shows`];
}
