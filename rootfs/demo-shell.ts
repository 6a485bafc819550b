/** What a demo types, edits and shows. */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const COMMAND_MS = 30_000;
const [BOLD, PLAIN] =
  process.stdout.isTTY && !process.env["NO_COLOR"] ? (["\x1b[1m", "\x1b[0m"] as const) : (["", ""] as const);

type Json = Record<string, unknown>;

export class DemoShell {
  /** Set by Ctrl-C: the demo ends after the command that runs. */
  stopped = false;
  private readonly directory: string;
  private readonly prelude: string;
  private acts = 0;
  private commands = 0;

  /** Commands run in `directory` after the shell code of `prelude`, which is not shown. */
  constructor(directory: string, prelude: string) {
    this.directory = directory;
    this.prelude = prelude;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => {
        this.stopped = true;
      });
  }

  act(title: string, text: string): void {
    this.acts += 1;
    console.log(`\n${BOLD}${this.acts}. ${title}${PLAIN}`);
    this.say(text);
  }

  say(text: string): void {
    console.log(`   ${text}\n`);
  }

  /** Shows a command line, runs it and shows what it prints. Throws when it fails or the demo was stopped. */
  async type(line: string): Promise<void> {
    console.log(`${BOLD}$ ${line}${PLAIN}`);
    const { status, output } = await this.run(line);
    if (output !== "") console.log(output.trimEnd());
    if (this.stopped) throw new Error("stopped");
    if (status === 0) return;
    const { output: logs } = await this.run("cat *.log");
    throw new Error(`${line}: exit status ${status}\n${logs}`);
  }

  /** Runs a command line. Its output goes to a file: a container that is still there does not hold us up. */
  async run(line: string): Promise<{ readonly status: number; readonly output: string }> {
    this.commands += 1;
    const file = join(this.directory, `output-${this.commands}`);
    const fd = openSync(file, "w");
    const child = Bun.spawn(["sh", "-c", `${this.prelude}\n${line}`], {
      cwd: this.directory,
      stdio: ["ignore", fd, fd],
      timeout: COMMAND_MS,
      detached: true, // Ctrl-C is for the demo alone
    });
    const status = await child.exited;
    closeSync(fd);
    return { status, output: readFileSync(file, "utf8") };
  }

  /** Changes a bundle's config.json and shows how. In a path `+` is a new element, and `pid` the one of that type. */
  edit(bundle: string, changes: Readonly<Record<string, unknown>>): void {
    const file = join(this.directory, bundle, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as Json; // a config.json is an object
    console.log(`${BOLD}~ ${bundle}/config.json${PLAIN}`);
    for (const [path, value] of Object.entries(changes)) {
      console.log(`    ${path} = ${JSON.stringify(value)}`);
      assign(config, path.split("."), value);
    }
    writeFileSync(file, JSON.stringify(config, null, 2));
  }
}

function assign(at: unknown, [name = "", ...rest]: readonly string[], value: unknown): void {
  if (Array.isArray(at) && name === "+") at.push(value);
  else if (Array.isArray(at))
    assign(
      at.find(({ type }) => type === name),
      rest,
      value,
    );
  else if (typeof at !== "object" || at === null) throw new Error(`there is nothing that could have ${name}`);
  else if (rest.length === 0) Reflect.set(at, name, value);
  else assign(Reflect.get(at, name), rest, value);
}
