/** The commands that make processes, in one piece: every module that is loaded on its own costs start-up time. */
export { create } from "./commands/create.ts";
export { exec } from "./commands/exec.ts";
export { run } from "./run.ts";
