/** Where root types the commands of a page: a directory with a tsrun that shares nothing with the machine's. */
import { mkdirSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "../callers/call.ts";
import { cgroup2Of } from "./cgroups.ts";
import { freshDirectory, project, runtimePath, stateRoot, uniqueId } from "./environment.ts";

export interface Desk {
  readonly directory: string;
  /** Gives those who type a program; its arguments follow `command`. */
  program(name: string, command: string): void;
  /** What a command prints on both streams. */
  typed(command: string): Promise<string>;
  /** Removes what is not in the directory. */
  clear(): void;
}

const MOST_TRIES = 100;

/** Makes one whose directory has `links`: paths in it, and what of the project they lead to. */
export function deskWith(links: Readonly<Record<string, string>>): Desk {
  const directory = freshDirectory("desk");
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    symlinkSync(join(project, target), join(directory, path));
  }
  const programs = freshDirectory("programs");
  const program = (name: string, command: string) =>
    writeFileSync(join(programs, name), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  program("tsrun", `${runtimePath} --root ${stateRoot}`);

  // The page's containers have short names, which their cgroups have too, beside that of who types.
  const cgroups = join(cgroup2Of(process.pid), uniqueId());
  const typist = join(cgroups, "typist");
  mkdirSync(typist, { recursive: true });

  const before = `cd ${directory} && echo $$ >${typist}/cgroup.procs && PATH=${programs}:$PATH && exec 2>&1`;
  return {
    directory,
    program,
    async typed(command) {
      // A server that has just started may not listen yet when one types this fast.
      for (let tries = 1; ; tries++) {
        const { stdout } = call(["sh", "-c", `${before}\n${command}`]);
        if (!stdout.includes("Connection refused") || tries === MOST_TRIES) return stdout;
        await Bun.sleep(20);
      }
    },
    clear() {
      for (const path of [typist, cgroups]) rmdirSync(path);
    },
  };
}
