/** The commands that make processes, loaded as one piece: each separate piece costs start-up time. */
export { create } from "./commands/create.ts";
export { exec } from "./commands/exec.ts";
export { run } from "./run.ts";
